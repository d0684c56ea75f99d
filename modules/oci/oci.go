// Package oci moves governance documents and modules through an OCI registry
// (OCI distribution specification 1.1). A module is an image of the CNCF wasm
// layout (config application/vnd.wasm.config.v0+json, one layer application/wasm)
// under the tag sha3-<hex>; documents and vectors are the layers of one artifact
// under a tag of the operator's choice.
//
// It promises limits on what it reads and that every layer has the SHA-256 its
// manifest names. Registries are untrusted: package store checks SHA3-256 and
// package trust the signatures. It reads no credentials from the environment.
package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	godigest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/modules/store"
)

// Media types.
const (
	typeArtifact = "application/vnd.animica.governance.v1"
	typeDocument = "application/vnd.animica.governance.document.v1+json"
	typeVectors  = "application/vnd.animica.governance.vectors.v1"
	typeWasm     = "application/wasm"
	typeConfig   = "application/vnd.wasm.config.v0+json"
	annotation   = "org.animica.sha3-256"
)

// maxManifest bounds a manifest in bytes (the distribution specification's
// recommended limit).
const maxManifest = 4 << 20

// Registry is one repository of a registry and the tag of its documents.
type Registry struct {
	repo *remote.Repository
	tag  string
}

var (
	_ store.Transport = (*Registry)(nil)
	_ store.Publisher = (*Registry)(nil)
)

// New names a repository as HOST[:PORT]/NAME:TAG. plain speaks http, for a
// registry on loopback.
func New(reference string, client *http.Client, plain bool) (*Registry, error) {
	repo, err := remote.NewRepository(reference)
	if err != nil {
		return nil, fmt.Errorf("registry %q: %w", reference, err)
	}
	if repo.Reference.Reference == "" || repo.Reference.ValidateReferenceAsTag() != nil {
		return nil, fmt.Errorf("registry %q: want HOST/NAME:TAG: %w", reference, store.ErrTransport)
	}
	repo.Client, repo.PlainHTTP = doer{client}, plain
	return &Registry{repo, repo.Reference.Reference}, nil
}

// doer is an http.Client that sends no credentials.
type doer struct{ c *http.Client }

func (d doer) Do(r *http.Request) (*http.Response, error) { return d.c.Do(r) }

func descriptor(media string, b []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: media, Digest: godigest.FromBytes(b), Size: int64(len(b)), Annotations: map[string]string{annotation: digest.Sum(b).String()}}
}

func (r *Registry) push(ctx context.Context, d ocispec.Descriptor, b []byte) error {
	ok, err := r.repo.Exists(ctx, d)
	if err == nil && !ok {
		err = r.repo.Push(ctx, d, bytes.NewReader(b))
	}
	return wrap(err)
}

func wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errdef.ErrNotFound):
		return fmt.Errorf("%w: %w", store.ErrNotFound, err)
	case errors.Is(err, content.ErrMismatchedDigest), errors.Is(err, content.ErrTrailingData), errors.Is(err, content.ErrInvalidDescriptorSize):
		return fmt.Errorf("%w: %w", store.ErrHash, err)
	}
	return fmt.Errorf("%w: %w", store.ErrTransport, err)
}

// image pushes blobs and a manifest over them under a tag.
func (r *Registry) image(ctx context.Context, tag, artifact, configType string, config []byte, layers []ocispec.Descriptor, data [][]byte) error {
	for i, l := range layers {
		if err := r.push(ctx, l, data[i]); err != nil {
			return err
		}
	}
	c := ocispec.Descriptor{MediaType: configType, Digest: godigest.FromBytes(config), Size: int64(len(config))}
	if err := r.push(ctx, c, config); err != nil {
		return err
	}
	b, err := json.Marshal(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifact, Config: c, Layers: layers})
	if err != nil {
		return err
	}
	if len(b) > maxManifest {
		return fmt.Errorf("manifest of %d bytes, limit %d: %w", len(b), maxManifest, store.ErrLimit)
	}
	m := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: godigest.FromBytes(b), Size: int64(len(b))}
	return wrap(r.repo.PushReference(ctx, m, bytes.NewReader(b), tag))
}

func moduleTag(d digest.Digest) string { return "sha3-" + d.String() }

// Publish implements store.Publisher: modules first, documents last, so that a
// reader of the tag finds all that they name.
func (r *Registry) Publish(ctx context.Context, p *store.Publication) error {
	for _, b := range p.Modules {
		l := descriptor(typeWasm, b)
		config, err := json.Marshal(map[string]any{"architecture": "wasm", "os": "none", "layerDigests": []string{l.Digest.String()}})
		if err != nil {
			return err
		}
		if err := r.image(ctx, moduleTag(digest.Sum(b)), "", typeConfig, config, []ocispec.Descriptor{l}, [][]byte{b}); err != nil {
			return err
		}
	}
	var layers []ocispec.Descriptor
	for _, b := range p.Documents {
		layers = append(layers, descriptor(typeDocument, b))
	}
	for _, b := range p.Vectors {
		layers = append(layers, descriptor(typeVectors, b))
	}
	return r.image(ctx, r.tag, typeArtifact, ocispec.MediaTypeEmptyJSON, []byte("{}"), layers, append(append([][]byte{}, p.Documents...), p.Vectors...))
}

// manifest fetches the manifest of a tag.
func (r *Registry) manifest(ctx context.Context, tag string) (*ocispec.Manifest, error) {
	d, body, err := r.repo.FetchReference(ctx, tag)
	if err != nil {
		return nil, wrap(err)
	}
	defer body.Close()
	if d.Size > maxManifest || d.Size < 0 || d.MediaType != ocispec.MediaTypeImageManifest {
		return nil, fmt.Errorf("tag %s: manifest of type %q and %d bytes: %w", tag, d.MediaType, d.Size, store.ErrIndex)
	}
	b, err := content.ReadAll(body, d)
	if err != nil {
		return nil, wrap(err)
	}
	return ParseManifest(b)
}

// ParseManifest reads a manifest of this package: layers of its media types, each
// with a size and, where there are several, its SHA3-256.
func ParseManifest(b []byte) (*ocispec.Manifest, error) {
	var m ocispec.Manifest
	if len(b) > maxManifest {
		return nil, fmt.Errorf("manifest of %d bytes: %w", len(b), store.ErrLimit)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrIndex, err)
	}
	if m.SchemaVersion != 2 || len(m.Layers) > 4*store.MaxDocuments {
		return nil, fmt.Errorf("manifest of schema %d with %d layers: %w", m.SchemaVersion, len(m.Layers), store.ErrIndex)
	}
	for i, l := range m.Layers {
		if l.Size < 0 || l.Digest.Validate() != nil || l.Digest.Algorithm() != godigest.SHA256 {
			return nil, fmt.Errorf("layer %d of %d bytes with digest %q: %w", i, l.Size, l.Digest, store.ErrIndex)
		}
		if _, err := digest.Parse(l.Annotations[annotation]); err != nil && l.MediaType != typeWasm {
			return nil, fmt.Errorf("layer %d: annotation %s: %w: %w", i, annotation, err, store.ErrIndex)
		}
	}
	return &m, nil
}

// Documents implements store.Transport.
func (r *Registry) Documents(ctx context.Context) ([]digest.Digest, error) {
	m, err := r.manifest(ctx, r.tag)
	if err != nil {
		return nil, err
	}
	var out []digest.Digest
	for _, l := range m.Layers {
		if l.MediaType == typeDocument {
			d, err := digest.Parse(l.Annotations[annotation])
			if err != nil {
				return nil, fmt.Errorf("%w: %w", store.ErrIndex, err)
			}
			out = append(out, d)
		}
	}
	return out, nil
}

// Blob implements store.Transport: a layer of the documents' artifact, else the
// module of that hash.
func (r *Registry) Blob(ctx context.Context, d digest.Digest, max int64) ([]byte, error) {
	m, err := r.manifest(ctx, r.tag)
	if err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		if l.Annotations[annotation] == d.String() {
			return r.layer(ctx, l, max)
		}
	}
	if m, err = r.manifest(ctx, moduleTag(d)); err != nil {
		return nil, err
	}
	if len(m.Layers) != 1 || m.Layers[0].MediaType != typeWasm {
		return nil, fmt.Errorf("tag %s: want one layer of type %s: %w", moduleTag(d), typeWasm, store.ErrIndex)
	}
	return r.layer(ctx, m.Layers[0], max)
}

func (r *Registry) layer(ctx context.Context, l ocispec.Descriptor, max int64) ([]byte, error) {
	if l.Size > max {
		return nil, fmt.Errorf("layer of %d bytes, limit %d: %w", l.Size, max, store.ErrLimit)
	}
	body, err := r.repo.Blobs().Fetch(ctx, l)
	if err != nil {
		return nil, wrap(err)
	}
	defer body.Close()
	b, err := content.ReadAll(io.LimitReader(body, l.Size+1), l)
	return b, wrap(err)
}
