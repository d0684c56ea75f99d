package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
)

type issueFlags struct {
	driver, out, rootOut                       string
	vendor, deviceID, family, serial, firmware string
	key                                        string
	holder                                     cli.Choice
	qubits                                     uint64
	days                                       int
	from                                       string
}

func (e *program) vendorIssue() *cobra.Command {
	f := &issueFlags{holder: cli.Choice{Value: string(vendorcert.HolderOperator), Allowed: []string{"device", "controller", "host_tee", "operator", "none"}}}
	c := &cobra.Command{
		Use: "issue", Short: "Issue a vendor certificate from a CA of your own, for development",
		Long: `Issue a vendor certificate as a vendor would: a root, a signer of claims, a device
certificate and the claims about the device. The root and its key are made on
first use in DATA_DIR/vendor-ca/NAME; the root's certificate is dropped into
DATA_DIR/roots/NAME, so that this machine trusts it. Others trust it where they
drop it into their own folder. It is for development: a vendor keeps its root key
offline.

With --driver the device's vendor, family, serial, firmware, qubits and key come
from the driver, and the certificate is kept where "engine run --backend NAME"
finds it. --key-holder is the vendor's word for who can use the device's key;
proofs are device-signed only with device or controller.`,
		Example: `  engine vendor cert issue --driver mockqpu --key-holder device
  engine vendor cert issue --vendor AcmeQPU --device-id AQ-7x --family AQ-7 --serial SN-1 \
    --firmware 1.9.3 --device-key ed25519:HEX --qubits 24 --out certificate.json`,
		Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return e.issueCertificate(cmd, f) },
	}
	p := c.Flags()
	p.StringVar(&f.driver, "driver", "", "`NAME` of a driver whose device is certified")
	p.StringVar(&f.vendor, "vendor", "", "`NAME` of the vendor")
	p.StringVar(&f.deviceID, "device-id", "", "the vendor's `ID` of the device (default the serial number)")
	p.StringVar(&f.family, "family", "", "`NAME` of the device's family")
	p.StringVar(&f.serial, "serial", "", "serial `NUMBER`")
	p.StringVar(&f.firmware, "firmware", "", "`VERSION` of the firmware")
	p.StringVar(&f.key, "device-key", "", "`KEY` of the device: ed25519:HEX; none with --key-holder none")
	p.Var(&f.holder, "key-holder", "who can use the device's key")
	p.Uint64Var(&f.qubits, "qubits", 0, "`N` qubits of the device")
	p.IntVar(&f.days, "days", vendorcert.MaxDays, "life in days, `N` up to 90")
	p.StringVar(&f.from, "not-before", "now", "first `TIME` of validity: RFC 3339 or now")
	p.StringVar(&f.out, "out", "", "`FILE` to write; - is stdout only (default with --driver its place in the data directory, else -)")
	p.StringVar(&f.rootOut, "root-out", "", "`FILE` for another copy of the root, PEM")
	return c
}

func (e *program) issueCertificate(cmd *cobra.Command, f *issueFlags) error {
	start, err := attestTime(f.from)
	if err != nil {
		return cli.Errorf(cli.Usage, "--not-before", "%.60q is no time", f.from).WithHint("such as 2026-11-25T12:00:00Z, or now")
	}
	c, err := e.claimsOf(cmd.Context(), cmd, f)
	if err != nil {
		return err
	}
	if f.days < 1 || f.days > vendorcert.MaxDays {
		return cli.Errorf(cli.Usage, "--days", "%d, allowed are 1..%d", f.days, vendorcert.MaxDays)
	}
	c.NotBefore = start.Truncate(time.Second)
	c.IssuedAt, c.Expires = c.NotBefore, c.NotBefore.AddDate(0, 0, f.days)
	c.ID = fmt.Sprintf("%s-%d", c.Serial, c.NotBefore.Unix())
	a, signer, err := e.developmentCA(c.Vendor, c.NotBefore)
	if err != nil {
		return err
	}
	d, err := a.Issue(c, signer)
	if err != nil {
		return vendorError(err)
	}
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root.Raw})
	if f.rootOut != "" {
		if err := e.WriteOutput(f.rootOut, root, 0o644); err != nil {
			return err
		}
	}
	own := e.ownRoots()
	dropped := filepath.Join(own, evidence.VendorFolder(c.Vendor), "development.pem")
	if err := os.MkdirAll(filepath.Dir(dropped), 0o700); err != nil {
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	if err := e.WriteOutput(dropped, root, 0o644); err != nil {
		return err
	}
	e.Say("this machine trusts the root in %s; it is for development", dropped)
	return e.writeDocument(f.out, d)
}

// claimsOf takes the claims from the flags, or from a driver and the flags.
func (e *program) claimsOf(ctx context.Context, cmd *cobra.Command, f *issueFlags) (*vendorcert.Claims, error) {
	c := &vendorcert.Claims{KeyHolder: vendorcert.KeyHolder(f.holder.Value)}
	if f.driver != "" {
		if err := e.claimsOfDriver(ctx, f, c); err != nil {
			return nil, err
		}
	}
	for _, m := range []struct {
		flag, given string
		to          *string
	}{{"vendor", f.vendor, &c.Vendor}, {"family", f.family, &c.Family}, {"serial", f.serial, &c.Serial}, {"firmware", f.firmware, &c.Firmware}, {"device-id", f.deviceID, &c.DeviceID}} {
		if cmd.Flags().Changed(m.flag) {
			*m.to = m.given
		}
		if *m.to == "" && m.flag == "device-id" {
			*m.to = c.Serial
		}
		if *m.to == "" {
			return nil, cli.Errorf(cli.Usage, "--"+m.flag, "is needed").WithHint("or --driver NAME")
		}
	}
	if f.qubits != 0 {
		c.Qubits = f.qubits
	}
	if c.Qubits == 0 {
		return nil, cli.Errorf(cli.Usage, "--qubits", "is needed")
	}
	if f.key != "" {
		_, public, err := keys.ParsePublic(f.key)
		if err != nil {
			return nil, cli.Errorf(cli.Usage, "--device-key", "%w", err)
		}
		c.DeviceKey = public
	}
	if c.KeyHolder == vendorcert.HolderNone {
		c.DeviceKey = nil
	} else if c.DeviceKey == nil {
		return nil, cli.Errorf(cli.Usage, "--device-key", "is needed").WithHint("ed25519:HEX, or --key-holder none for a device without a key")
	}
	return c, nil
}

// claimsOfDriver asks a driver what its device is.
func (e *program) claimsOfDriver(ctx context.Context, f *issueFlags, c *vendorcert.Claims) error {
	r, err := e.startDriver(ctx, f.driver)
	if err != nil {
		return err
	}
	defer r.Close()
	b, err := e.openDevice(ctx, r, nil)
	if err != nil {
		return err
	}
	defer b.Close()
	d := b.Device()
	c.Vendor, c.Family, c.Serial, c.Firmware, c.DeviceID, c.Qubits = d.Vendor, d.Family, d.Serial, d.Firmware, d.Id, uint64(d.Width)
	for _, k := range d.Keys {
		if k.Algorithm == keys.Ed25519 && len(k.PublicKey) == ed25519.PublicKeySize {
			c.DeviceKey = k.PublicKey
			break
		}
	}
	if f.out == "" {
		f.out = e.certificatePath(f.driver)
	}
	if c.KeyHolder.Signs() && d.Kind == driverv1.DeviceKind_DEVICE_KIND_EMULATOR {
		e.Warn("device %s is an emulator: what it signs says nothing about quantum hardware", d.Id)
	}
	return nil
}

// developmentCA opens the root and the signer of claims of a vendor, which it makes
// on first use.
func (e *program) developmentCA(vendor string, now time.Time) (*vendorcert.Authority, ed25519.PrivateKey, error) {
	data, err := e.data()
	if err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(data, "vendor-ca", evidence.VendorFolder(vendor))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	var key [2]ed25519.PrivateKey
	for i, name := range []string{"root.seed", "claims.seed"} {
		if key[i], err = e.seedFile(filepath.Join(dir, name)); err != nil {
			return nil, nil, err
		}
	}
	path := filepath.Join(dir, "root.pem")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		a, err := vendorcert.NewAuthority(vendor, key[0], now)
		if err != nil {
			return nil, nil, vendorError(err)
		}
		e.Say("made a root for vendor %s in %s", vendor, dir)
		return a, key[1], e.WriteOutput(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root.Raw}), 0o644)
	} else if err != nil {
		return nil, nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	certs, err := attest.ParseCerts(b)
	if err != nil {
		return nil, nil, cli.Errorf(cli.BadConfig, "--data-dir", "%s: %w", path, err)
	}
	if o := certs[0].Subject.Organization; len(o) != 1 || o[0] != vendor {
		return nil, nil, cli.Errorf(cli.BadConfig, "--vendor", "%s is the root of vendor %q, which has the same folder", path, o)
	}
	return &vendorcert.Authority{Root: certs[0], Key: key[0]}, key[1], nil
}

// seedFile reads an Ed25519 seed, or draws one into a new file of mode 0600.
func (e *program) seedFile(path string) (ed25519.PrivateKey, error) {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		b = make([]byte, ed25519.SeedSize)
		if _, err := io.ReadFull(rand.Reader, b); err != nil {
			return nil, cli.Errorf(cli.Internal, "", "%w", err)
		}
		if err := e.WriteOutput(path, b, 0o600); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 || len(b) != ed25519.SeedSize {
		return nil, cli.Errorf(cli.BadConfig, "--data-dir", "%s is no file of %d bytes that only its owner can read", path, ed25519.SeedSize).WithHint("chmod 600 it; if others could read it, remove the folder and issue again")
	}
	return ed25519.NewKeyFromSeed(b), nil
}

// certificatePath is where engine run finds the certificate of a driver's device,
// unless the configuration file says otherwise.
func (e *program) certificatePath(driver string) string {
	if p := e.cfg.Drivers[driver].Certificate; p != "" {
		return p
	}
	data, err := e.data()
	if err != nil {
		return ""
	}
	return filepath.Join(data, "drivers", driver, "certificate.json")
}

// readCertificate reads the certificate of a driver's device; nil where there is
// none.
func (e *program) readCertificate(driver string) (*vendorcert.Document, error) {
	path := e.certificatePath(driver)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && e.cfg.Drivers[driver].Certificate == "" {
		return nil, nil
	} else if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "drivers."+driver+".certificate", "%w", err)
	}
	d, err := parseVendorEvidence(b)
	if err != nil {
		return nil, cli.Errorf(cli.AttestationError, "drivers."+driver+".certificate", "%s: %w", path, attest.AsRefusal(err))
	}
	return d, nil
}
