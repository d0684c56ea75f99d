package main

import (
	"context"
	"crypto/ed25519"
	"time"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
)

// The published test provider signs the fixtures of examples/fixtures. Its keys
// are the hashes of the texts below, so everyone has them: a proof that it signed
// carries the dev flag, and networks put it on their deny list.
const (
	testRootText        = "animica engine: published test key, root"
	testOperationalText = "animica engine: published test key, operational"
	testTime            = 1735689600 // of its statements, Unix seconds

	// The published test vendor certifies a device that does not exist; its root is
	// examples/fixtures/roots/animica-test/root.pem, and evidence.PublishedRoots
	// names it.
	testVendor       = "Animica Test"
	testVendorText   = "animica engine: published test key, vendor root"
	testClaimsText   = "animica engine: published test key, vendor claims"
	testDeviceText   = "animica engine: published test key, device"
	testVendorDays   = 90
	testVendorFamily = "Fixture"
)

func testRoot() (*keys.Ed25519Key, error) {
	return keys.NewEd25519(keys.Root, digest.Sum([]byte(testRootText)))
}

// testProvider is what the published test provider signs with.
func testProvider() (*keys.Held, error) {
	root, err := testRoot()
	if err != nil {
		return nil, err
	}
	op, err := keys.NewEd25519(keys.Operational, digest.Sum([]byte(testOperationalText)))
	if err != nil {
		return nil, err
	}
	st, err := keys.NewKeyStatement(context.Background(), root, keys.Operational, op.Alg(), op.Public(), 1, testTime)
	if err != nil {
		return nil, err
	}
	return &keys.Held{ProviderID: root.KeyID(), Operational: op, Statement: st}, nil
}

func testKey(text string) ed25519.PrivateKey {
	seed := digest.Sum([]byte(text))
	return ed25519.NewKeyFromSeed(seed[:])
}

// testVendorCertificate is the root and the certificate of the published test
// vendor.
func testVendorCertificate() (*vendorcert.Authority, *vendorcert.Document, error) {
	start := time.Unix(testTime, 0).UTC()
	a, err := vendorcert.NewAuthority(testVendor, testKey(testVendorText), start)
	if err != nil {
		return nil, nil, err
	}
	d, err := a.Issue(&vendorcert.Claims{Vendor: testVendor, DeviceID: "FIX-1", Family: testVendorFamily, Serial: "FIX-0001", Firmware: "1.0.0",
		KeyHolder: vendorcert.HolderController, DeviceKey: testKey(testDeviceText).Public().(ed25519.PublicKey), Qubits: 20,
		IssuedAt: start, NotBefore: start, Expires: start.AddDate(0, 0, testVendorDays), ID: "fixture-1"}, testKey(testClaimsText))
	return a, d, err
}

// fixtureCircuit finds a circuit that every installation knows: the named
// generators on 2 to 4 qubits with the zero seed. examples/fixtures/circuit.qasm
// is one of them, ghz on 3 qubits.
func fixtureCircuit(h digest.Digest) (*circuit.Circuit, bool) {
	for _, g := range circuit.Generators() {
		for width := 2; width <= 4; width++ {
			c, err := circuit.Generate(g.ID, width, 0, [32]byte{})
			if err != nil {
				continue
			}
			if got, err := c.Hash(); err == nil && got == h {
				return c, true
			}
		}
	}
	return nil, false
}
