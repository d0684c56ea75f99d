package httpapi

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const signatureScheme, bearerScheme = "signature", "bearer"

// document is the OpenAPI 3.1 description without its routes.
func document(version string) huma.Config {
	cfg := huma.DefaultConfig("Animica job network", version)
	cfg.Info.Description = "The network side of the provider guide: registry, stake, leases, proofs, pay, disputes."
	cfg.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	cfg.DocsPath, cfg.SchemasPath, cfg.OpenAPIPath = "", "", "/openapi"
	cfg.CreateHooks, cfg.Transformers = nil, nil
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		signatureScheme: {Type: "http", Scheme: "signature", Description: "RFC 9421 with Ed25519: @method @authority @path @query, and with a body content-digest content-type idempotency-key; created, expires (at most 60 s), nonce (16 bytes, hex), keyid, alg, tag=animica-aicf/1"},
		bearerScheme:    {Type: "http", Scheme: "bearer", Description: "older clients: submit and read"},
	}
	return cfg
}

func security(need access) []map[string][]string {
	switch need {
	case signed:
		return []map[string][]string{{signatureScheme: {}}}
	case member:
		return []map[string][]string{{signatureScheme: {}}, {bearerScheme: {}}}
	}
	return nil
}

func pathParameters(path string) (out []*huma.Param) {
	for _, part := range strings.Split(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			out = append(out, &huma.Param{Name: strings.TrimSuffix(name, "}"), In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	return out
}

// hexDigest is how a digest looks in JSON.
type hexDigest string

// Schema implements huma.SchemaProvider.
func (hexDigest) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9a-f]{64}$", PatternDescription: "64 lower-case hex digits"}
}
