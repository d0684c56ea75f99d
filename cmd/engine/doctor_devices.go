package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
)

// checkDeviceCertificates verifies the vendor certificate of each driver's device at
// the present time, and says how long the one that ends first still holds.
func (e *program) checkDeviceCertificates(now time.Time) finding {
	const name = "device_certs"
	var first *vendorcert.Verified
	n := 0
	for _, driver := range e.driversWithCertificates() {
		d, err := e.readCertificate(driver)
		if err != nil {
			return bad(name, cli.AttestationError, "have the vendor issue it again, or remove "+e.certificatePath(driver), "driver %s: %v", driver, err)
		}
		if d == nil {
			continue
		}
		n++
		t, err := e.vendorTrust("", d.Vendor)
		if err != nil {
			return bad(name, cli.BadConfig, "repair the file", "driver %s: %v", driver, err)
		}
		v, refused := vendorcert.Check(d, vendorcert.Params{At: now, Roots: t.Roots, CRLs: t.CRLs})
		if len(refused) > 0 {
			return bad(name, cli.AttestationError, "have the vendor renew it; its root belongs into "+e.ownRoots(), "driver %s: %v", driver, refused[0])
		}
		if first == nil || v.NotAfter.Before(first.NotAfter) {
			first = v
		}
	}
	if n == 0 {
		return good(name, "no driver has a certificate of its device: proofs say nothing about one")
	}
	f := good(name, "%d; the first, of device %s, ends %s", n, first.Claims.DeviceID, first.NotAfter.Format(time.RFC3339))
	if days, due := attest.ExpiryWarning(now, first.NotAfter); due {
		f.Fix = fmt.Sprintf("%d days or less are left: have the vendor renew it", days)
	}
	return f
}

// driversWithCertificates names the drivers of the configuration file and those with
// a folder in the data directory.
func (e *program) driversWithCertificates() []string {
	names := slices.Collect(maps.Keys(e.cfg.Drivers))
	if data, err := e.data(); err == nil {
		list, err := os.ReadDir(filepath.Join(data, "drivers"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return names
		}
		for _, d := range list {
			if d.IsDir() && !strings.HasPrefix(d.Name(), ".") {
				names = append(names, d.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
