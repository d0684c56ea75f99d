package attesttest

import (
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
)

var update = flag.Bool("update", false, "write testdata again")

// minted are the files of testdata, which the scripts of the command line use.
func minted(t *testing.T) map[string][]byte {
	out := map[string][]byte{}
	put := func(dir string, k attest.Kind, s Sample) {
		out[dir+"/evidence.bin"] = s.Evidence.Raw
		if s.Evidence.Collateral != nil {
			out[dir+"/collateral"] = s.Evidence.Collateral
		}
		if s.Evidence.Certs != nil {
			out[dir+"/certs.pem"] = append(s.Evidence.Certs, '\n')
		}
		if s.Key != nil {
			out[dir+"/key.pem"] = append(s.Key, '\n')
		}
		if s.Roots != nil {
			out["roots/"+string(k)+"/root.pem"] = append(PEM(&Holder{Cert: s.Roots.Certs[0]}), '\n')
		}
	}
	put("sgx", attest.SGX, DCAP{}.Mint())
	put("sgx-hardening", attest.SGX, DCAP{Status: "SWHardeningNeeded", Advisories: []string{"INTEL-SA-00615"}}.Mint())
	put("sgx-debug", attest.SGX, DCAP{Debug: true}.Mint())
	put("tdx", attest.TDX, DCAP{TDX: true}.Mint())
	put("tdx5", attest.TDX, DCAP{TDX: true, Version: 5, TD15: true}.Mint())
	put("tdx-migratable", attest.TDX, DCAP{TDX: true, Migratable: true}.Mint())
	put("sev", attest.SEV, SEV{}.Mint())
	put("sev-vmpl2", attest.SEV, SEV{VMPL: 2}.Mint())
	put("sev-migratable", attest.SEV, SEV{Policy: 0x70000}.Mint())
	put("nitro", attest.Nitro, Nitro{}.Mint())
	put("nitro-debug", attest.Nitro, Nitro{ZeroPCR: []int{0}}.Mint())
	put("cca", attest.CCA, CCA{}.Mint())
	put("cca-cert", attest.CCA, CCA{Cert: true}.Mint())
	put("tpm", attest.TPM, TPM{}.Mint())
	put("tpm-cert", attest.TPM, TPM{Cert: true}.Mint())
	doc := fmt.Sprintf(`{"id":"runner","version":1,"measurements":[{"kind":"sgx","measurement":"%s","not_before":"2025-05-01T00:00:00Z","not_after":"2025-07-01T00:00:00Z"}],"tcb":[{"kind":"sgx","status":"SWHardeningNeeded","advisories":["INTEL-SA-00615"]}]}`,
		hex.EncodeToString(DCAP{}.DCAPMeasurement()))
	k, err := keys.NewEd25519(keys.Root, [keys.SeedSize]byte{1})
	require.NoError(t, err)
	out["policy.json"], err = attest.SignPolicy(context.Background(), k, []byte(doc), uint64(Now.Unix()))
	require.NoError(t, err)
	return out
}

// TestTestdata wants minting to be deterministic: the files are its output.
func TestTestdata(t *testing.T) {
	files := minted(t)
	n := 0
	if *update {
		require.NoError(t, os.RemoveAll("testdata"))
		for name, b := range files {
			path := filepath.Join("testdata", name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, b, 0o644))
		}
	}
	require.NoError(t, filepath.WalkDir("testdata", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		name, err := filepath.Rel("testdata", path)
		require.NoError(t, err)
		require.Equal(t, files[filepath.ToSlash(name)], File(t, path), "%s: run the test with -update", name)
		return nil
	}))
	require.Equal(t, len(files), n)
}
