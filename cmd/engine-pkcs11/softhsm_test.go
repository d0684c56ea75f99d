//go:build pkcs11 && cgo

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/miekg/pkcs11"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/keys/keysock"
	"github.com/animicaorg/engine/proofs/auditlog"
)

const module = "/usr/lib/softhsm/libsofthsm2.so"

// softhsm makes a token with two Ed25519 pairs.
func softhsm(t *testing.T) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hsm")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tokens"), 0o700))
	conf := filepath.Join(dir, "softhsm2.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s/tokens\n", dir), 0o600))
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", "engine", "--pin", "1234", "--so-pin", "5678").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pin"), []byte("1234\n"), 0o600))

	lib := pkcs11.New(module)
	require.NotNil(t, lib)
	require.NoError(t, lib.Initialize())
	defer func() { require.NoError(t, lib.Finalize()); lib.Destroy() }()
	slots, err := lib.GetSlotList(true)
	require.NoError(t, err)
	s, err := lib.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	require.NoError(t, err)
	require.NoError(t, lib.Login(s, pkcs11.CKU_USER, "1234"))
	for _, label := range []string{"op", "log"} {
		_, _, err = lib.GenerateKeyPair(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(0x1055, nil)}, // CKM_EC_EDWARDS_KEY_PAIR_GEN
			[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
				pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, append([]byte{0x13, 12}, "edwards25519"...))},
			[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
				pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false)})
		require.NoError(t, err)
	}
	return dir
}

// lines is a writer that several goroutines may use.
type lines struct {
	sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.Write(p)
}

func (l *lines) String() string {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.String()
}

// TestHSMSignsOverTheSocket runs the program on a SoftHSM token.
func TestHSMSignsOverTheSocket(t *testing.T) {
	dir := softhsm(t)
	provider := digest.Sum([]byte("provider"))
	ctx, stop := context.WithCancel(context.Background())
	out, errOut := &lines{}, &lines{}
	done := make(chan error, 1)
	socket := filepath.Join(dir, "s")
	go func() {
		done <- run(ctx, []string{"--module", module, "--token", "engine", "--pin-file", filepath.Join(dir, "pin"), "--provider", provider.String(),
			"--key", "operational=op", "--key", "log=log", "--socket", socket}, out, errOut)
	}()
	require.Eventually(t, func() bool { return out.String() != "" }, 30*time.Second, 10*time.Millisecond, "%s", errOut)

	op, err := keysock.Dial(ctx, socket, keys.Operational)
	require.NoError(t, err)
	d := digest.Sum([]byte("claim"))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			sig, err := keys.Sign(ctx, op, keys.PurposeProof, d, uint64(i))
			if err != nil || sig.Verify(keys.Ed25519, op.Public(), keys.PurposeProof, d) != nil {
				t.Errorf("signature %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	_, err = op.SignMessage(ctx, []byte("anything"))
	require.ErrorIs(t, err, keysock.ErrRefused)
	log, err := keysock.Dial(ctx, socket, keys.Log)
	require.NoError(t, err)
	require.NotEqual(t, op.KeyID(), log.KeyID())
	signed, err := auditlog.SignCheckpoint(ctx, auditlog.Checkpoint{Origin: auditlog.Origin(provider), Size: 3}, log)
	require.NoError(t, err)
	_, err = auditlog.OpenCheckpoint(signed, auditlog.Origin(provider), log.Public())
	require.NoError(t, err)
	require.Contains(t, errOut.String(), "msg=signed role=operational purpose=quantum-proof")
	require.Contains(t, errOut.String(), "msg=refused role=operational")

	// A store that names the socket: the engine's side.
	store, err := keys.Open(filepath.Join(dir, "store"))
	require.NoError(t, err)
	defer store.Close()
	store.Dial = func(r keys.Remote) (keys.RoleSigner, error) { return keysock.Dial(ctx, socket, r.Role) }
	root, err := store.Create(keys.Root, bytes.NewReader(make([]byte, 32)))
	require.NoError(t, err)
	require.NoError(t, store.Attach(keys.Remote{URL: "unix:" + socket, Role: keys.Operational, Alg: op.Alg(), Public: op.Public()}))
	k, err := store.Key(keys.Operational)
	require.NoError(t, err)
	_, err = store.Vouch(root, k, 1000)
	require.NoError(t, err)
	held, err := store.Held()
	require.NoError(t, err)
	require.Equal(t, op.KeyID(), held.Operational.KeyID())
	stop()
	require.NoError(t, <-done)
}

func TestRefusals(t *testing.T) {
	dir := softhsm(t)
	pin := filepath.Join(dir, "pin")
	start := func(args ...string) error {
		return run(context.Background(), append([]string{"--pin-file", pin, "--socket", filepath.Join(dir, "s")}, args...), &lines{}, &lines{})
	}
	require.ErrorContains(t, start("--module", module), "needed")
	require.ErrorContains(t, start("--module", "/nowhere.so", "--token", "engine", "--key", "operational=op"), "loaded")
	require.ErrorContains(t, start("--module", module, "--token", "other", "--key", "operational=op"), "0 tokens")
	require.ErrorIs(t, start("--module", module, "--token", "engine", "--key", "operational=nobody"), keys.ErrNoKey)
	require.ErrorContains(t, start("--module", module, "--token", "engine", "--key", "log=log"), "--provider")
	require.Error(t, start("--module", module, "--token", "engine", "--key", "root=op"))
	require.NoError(t, os.WriteFile(pin, []byte("0000"), 0o600))
	require.ErrorContains(t, start("--module", module, "--token", "engine", "--key", "operational=op"), "PIN")
	require.NoError(t, os.Chmod(pin, 0o644))
	require.ErrorIs(t, start("--module", module, "--token", "engine", "--key", "operational=op"), keys.ErrKeyExposed)
}
