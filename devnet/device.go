package devnet

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/animicaorg/engine/backends/qpu"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/driver/supervisor"
	"github.com/animicaorg/engine/plugins/vendors/mockqpu"
	"github.com/animicaorg/engine/proofs/attest/evidence"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
	"github.com/animicaorg/engine/proofs/transcript"
)

// deviceArg is argv[1] of this program when it is the device's driver.
const deviceArg = "devnet-device"

// MaybeDevice turns the process into the driver of a device, and does not return, if it was
// started as one. Programs that run a devnet call it first.
func MaybeDevice() {
	process.MaybeLaunch()
	if len(os.Args) == 2 && os.Args[1] == deviceArg {
		driver.Serve(mockqpu.New(time.Now))
		os.Exit(0)
	}
}

// device is a mockqpu that runs as a process of its own, with a vendor's certificate of it.
type device struct {
	*qpu.Backend
	module transcript.ModuleFrame // slot driver of M
	cert   vendorcert.Document
}

// openDevice starts the driver and has the vendor certify its device.
func (n *Net) openDevice(ctx context.Context, name, config string, vendor *vendor) (*device, error) {
	dir := filepath.Join(n.cfg.Dir, "devices", name)
	cache := filepath.Join(dir, "cache")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return nil, err
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	img, err := process.Seal(exe)
	if err != nil {
		return nil, err
	}
	n.close = append(n.close, img.Close)
	temp := os.TempDir()
	if len(temp) > supervisor.MaxSocketDir-16 {
		temp = "/tmp" // a socket's path is short
	}
	sockets, err := os.MkdirTemp(temp, "qd")
	if err != nil {
		return nil, err
	}
	n.close = append(n.close, func() error { return os.RemoveAll(sockets) })
	s, err := supervisor.New(supervisor.Config{Driver: mockqpu.Name, Start: supervisor.Exec(&process.Spec{Image: img, Args: []string{deviceArg}, CacheDir: cache}, sockets, time.Minute, n.cfg.Log),
		Configure: driver.Config{JSON: []byte(config), CacheDir: cache, Dev: true}, Logger: n.cfg.Log, Now: time.Now})
	if err != nil {
		return nil, err
	}
	s.Run(context.WithoutCancel(ctx))
	n.close = append(n.close, func() error { s.Stop(context.Background(), 0); return nil })
	d := &device{module: transcript.ModuleFrame{Slot: "driver", Name: "animica/" + mockqpu.Name, Version: mockqpu.Version, ABI: driver.ProtocolVersion, Size: uint64(img.Size), SHA3: digest.Digest(img.SHA3)}}
	if err := d.certify(ctx, s, vendor, n.now()); err != nil {
		return nil, fmt.Errorf("device %s: %w", name, err)
	}
	submissions, err := driver.OpenLedger(dir)
	if err != nil {
		return nil, err
	}
	n.close = append(n.close, submissions.Close)
	if d.Backend, err = qpu.Open(ctx, qpu.Config{Name: mockqpu.Name, Acquire: s.Acquire, Journal: submissions, Certificate: d.cert.DeviceCertificate()}); err != nil {
		return nil, err
	}
	n.close = append(n.close, d.Backend.Close)
	return d, nil
}

// certify has the vendor say what the device is and that the key is its own.
func (d *device) certify(ctx context.Context, s *supervisor.Supervisor, v *vendor, now time.Time) error {
	c, _, _, err := s.Acquire(ctx)
	if err != nil {
		return err
	}
	about, err := c.Device(ctx, mockqpu.DeviceID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(about.Keys, func(k *driverv1.DeviceKey) bool { return k.Algorithm == keys.Ed25519 })
	if i < 0 {
		return errors.New("it has no key")
	}
	cert, err := v.certify(about, about.Keys[i].PublicKey, now.Truncate(time.Second))
	if err != nil {
		return err
	}
	d.cert = *cert
	return nil
}

// certify is the vendor's word for a device and its key.
func (v *vendor) certify(about *driverv1.Device, key []byte, from time.Time) (*vendorcert.Document, error) {
	return v.authority.Issue(&vendorcert.Claims{Vendor: about.Vendor, DeviceID: about.Id, Family: about.Family, Serial: about.Serial, Firmware: about.Firmware,
		KeyHolder: vendorcert.HolderDevice, DeviceKey: key, Qubits: uint64(about.Width), IssuedAt: from, NotBefore: from,
		Expires: from.AddDate(0, 0, 30), ID: fmt.Sprintf("%s-%d", about.Serial, from.Unix())}, v.signer)
}

func (d *device) sign(ctx context.Context, purpose driverv1.Purpose, what digest.Digest) ([]byte, error) {
	s, err := d.Sign(ctx, purpose, what)
	if err != nil {
		return nil, err
	}
	return s.Signature, nil
}

// evidence is attest.qpu of a proof: the certificate, and the device's signatures over X
// and R.
func (d *device) evidence(ctx context.Context, execSig []byte, r digest.Digest) (*transcript.Value, error) {
	sig, err := d.sign(ctx, driverv1.Purpose_PURPOSE_RESULT, r)
	if err != nil {
		return nil, err
	}
	s := vendorcert.Signed{Document: d.cert, ExecSig: execSig, ResultSig: sig}
	v := s.Value()
	return &v, nil
}

// vendor is a maker of devices: its root and its signer of claims.
type vendor struct {
	authority *vendorcert.Authority
	signer    ed25519.PrivateKey
}

// newVendor mints a vendor with fresh keys.
func newVendor(name string, now time.Time) (*vendor, error) {
	var key [2]ed25519.PrivateKey
	for i := range key {
		var err error
		if _, key[i], err = ed25519.GenerateKey(rand.Reader); err != nil {
			return nil, err
		}
	}
	a, err := vendorcert.NewAuthority(name, key[0], now.Truncate(time.Second))
	return &vendor{a, key[1]}, err
}

// rootsDir is what the devnet's policy trusts, one folder for each vendor.
func (n *Net) rootsDir() string { return filepath.Join(n.cfg.Dir, "roots") }

func (n *Net) rootPath(v *vendor) string {
	return filepath.Join(n.rootsDir(), evidence.VendorFolder(v.authority.Root.Subject.Organization[0]), "devnet.pem")
}

// trust drops the vendor's root into the network's folder.
func (n *Net) trust(v *vendor) error {
	path := n.rootPath(v)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: v.authority.Root.Raw}), 0o644)
}

// distrust takes the vendor's root away.
func (n *Net) distrust(v *vendor) error {
	if err := os.Remove(n.rootPath(v)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
