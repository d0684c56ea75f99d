package dcap

import (
	"bytes"
	"time"

	"github.com/animicaorg/engine/proofs/attest"
)

// platform finds the highest level that the platform reaches in every component.
// svn is TEE_TCB_SVN of a trust domain, nil for SGX. From TDX 1.5 on (svn[1] > 0)
// the first two components describe the module, which has levels of its own.
func (t *tcbInfo) platform(p *PlatformTCB, svn []byte) (*level, error) {
	for i := range t.levels {
		if t.levels[i].reached(p, svn) {
			return &t.levels[i], nil
		}
	}
	return nil, attest.Refuse(attest.BadTCB, "the platform reaches no TCB level (components %x, PCESVN %d)", p.Components, p.PCESVN)
}

func (l *level) reached(p *PlatformTCB, svn []byte) bool {
	if p.PCESVN < l.pcesvn || !atLeast(p.Components[:], l.sgx[:], 0) {
		return false
	}
	if svn == nil {
		return true
	}
	from := 0
	if svn[1] > 0 {
		from = 2
	}
	return atLeast(svn, l.tdx[:], from)
}

func atLeast(have, want []byte, from int) bool {
	for i := from; i < len(want); i++ {
		if have[i] < want[i] {
			return false
		}
	}
	return true
}

// rate finds the highest level that isvsvn reaches.
func rate(what string, levels []svnLevel, isvsvn uint64) (*rating, error) {
	for i := range levels {
		if isvsvn >= levels[i].isvsvn {
			return &levels[i].rating, nil
		}
	}
	return nil, attest.Refuse(attest.BadTCB, "the %s reaches no TCB level (ISVSVN %d)", what, isvsvn)
}

// check holds the quoting enclave's report against its identity.
func (id *qeIdentity) check(report SGXBody) (*rating, error) {
	switch {
	case !bytes.Equal(report.MRSIGNER(), id.mrsigner):
		return nil, attest.Refuse(attest.BadCollateral, "quoting enclave: MRSIGNER %x, want %x", report.MRSIGNER(), id.mrsigner)
	case uint64(report.ProdID()) != id.prodID:
		return nil, attest.Refuse(attest.BadCollateral, "quoting enclave: ISVPRODID %d, want %d", report.ProdID(), id.prodID)
	case !matchMasked(report.MiscSelect(), id.miscMask, id.misc):
		return nil, attest.Refuse(attest.BadCollateral, "quoting enclave: MISCSELECT %x", report.MiscSelect())
	case !matchMasked(report.Attributes(), id.attributesMask, id.attributes):
		return nil, attest.Refuse(attest.BadCollateral, "quoting enclave: ATTRIBUTES %x", report.Attributes())
	}
	return rate("quoting enclave", id.levels, uint64(report.SVN()))
}

// checkModule holds the TDX module against its identity. The rating is nil for
// modules of version 0, which the platform level covers.
func (t *tcbInfo) checkModule(td TDXBody) (*rating, []svnLevel, error) {
	svn := td.TCBSVN()
	m := t.identity(svn[1])
	switch {
	case m == nil:
		return nil, nil, attest.Refuse(attest.BadTCB, "TCB info knows no TDX module of version %d", svn[1])
	case !bytes.Equal(td.MRSIGNERSEAM(), m.mrsigner):
		return nil, nil, attest.Refuse(attest.BadCollateral, "TDX module: MRSIGNERSEAM %x, want %x", td.MRSIGNERSEAM(), m.mrsigner)
	case !matchMasked(td.SEAMAttributes(), m.mask, m.attributes):
		return nil, nil, attest.Refuse(attest.BadCollateral, "TDX module: SEAMATTRIBUTES %x", td.SEAMAttributes())
	case svn[1] == 0:
		return nil, nil, nil
	}
	r, err := rate("TDX module", m.levels, uint64(svn[0]))
	return r, m.levels, err
}

// worse combines the platform's status with that of the quoting enclave or the
// module, as Intel's verification library does: an outdated part makes a
// platform that needs configuration OutOfDateConfigurationNeeded.
func worse(platform, part attest.TCBStatus) attest.TCBStatus {
	switch {
	case platform == attest.RevokedTCB || part == attest.RevokedTCB:
		return attest.RevokedTCB
	case part == attest.UpToDate:
		return platform
	case part == attest.OutOfDate:
		switch platform {
		case attest.ConfigurationNeeded, attest.ConfigurationAndSWHardeningNeeded, attest.OutOfDateConfigurationNeeded:
			return attest.OutOfDateConfigurationNeeded
		}
		return attest.OutOfDate
	case platform == attest.UpToDate:
		return part
	}
	return gravest(platform, part)
}

// gravest orders statuses that Intel does not issue for enclaves and modules.
func gravest(a, b attest.TCBStatus) attest.TCBStatus {
	order := []attest.TCBStatus{attest.UpToDate, attest.SWHardeningNeeded, attest.ConfigurationNeeded,
		attest.ConfigurationAndSWHardeningNeeded, attest.OutOfDate, attest.OutOfDateConfigurationNeeded, attest.RevokedTCB}
	at := map[attest.TCBStatus]int{}
	for i, s := range order {
		at[s] = i
	}
	if at[a] >= at[b] {
		return a
	}
	return b
}

// outdated reports whether the status counts days of grace.
func outdated(s attest.TCBStatus) bool {
	return s == attest.OutOfDate || s == attest.OutOfDateConfigurationNeeded
}

// since is the earlier of two dates, where the zero date is none.
func since(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
