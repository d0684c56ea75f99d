package dcap

import (
	"crypto/x509"
	"encoding/hex"

	"github.com/animicaorg/engine/proofs/attest"
)

// Verify checks a quote about an enclave (tdx false) or a trust domain and fills
// the parts of the normal form that do not depend on the body.
func Verify(ev attest.Evidence, p attest.Params, kind attest.Kind) (*Quote, *attest.Result, error) {
	if err := attest.CheckSizes(ev, p); err != nil {
		return nil, nil, err
	}
	if len(ev.Certs) > 0 {
		return nil, nil, attest.Refuse(attest.BadChain, "chain invalid: a quote carries its certificates; it takes no others")
	}
	q, err := ParseQuote(ev.Raw)
	if err != nil {
		return nil, nil, err
	}
	if q.TDX != (kind == attest.TDX) {
		return nil, nil, malformed("the quote is about another TEE than %s", kind)
	}
	var c *collateral
	if len(ev.Collateral) > 0 {
		if c, err = parseCollateral(ev.Collateral); err != nil {
			return nil, nil, err
		}
	}
	roots := p.Roots
	if roots == nil {
		roots = PinnedRoots()
	}
	chain, err := q.chain(roots, p)
	if err != nil {
		return nil, nil, err
	}
	platform, err := platformTCB(q.PCK[0])
	if err != nil {
		return nil, nil, err
	}
	if err := q.verifySignatures(); err != nil {
		return nil, nil, err
	}
	if qe := (SGXBody{q.QEReport}); qe.Debug() {
		return nil, nil, attest.Refuse(attest.DebugMode, "the quoting enclave is in debug mode")
	}
	res := &attest.Result{Kind: kind, Version: uint64(q.Version), TCBStatus: attest.Unknown, Platform: platform.FMSPC, Advisories: []string{}}
	chain.Describe(res)
	res.SVNs = append(res.SVNs, attest.SVN{Name: "pcesvn", Value: platform.PCESVN})
	if res.Digest, err = attest.EvidenceDigest(kind, q.Canonical()); err != nil {
		return nil, nil, err
	}
	if c == nil {
		res.Notes = append(res.Notes, "no collateral: revocation and patch level were not checked")
		return q, res, nil
	}
	return q, res, q.judge(c, p, roots, chain, platform, res)
}

func (q *Quote) chain(roots *attest.Roots, p attest.Params) (attest.Chain, error) {
	var between, rest []*x509.Certificate
	if len(q.PCK) > 1 {
		between, rest = q.PCK[1:2], q.PCK[2:]
	}
	if len(between) == 1 && roots.Contains(between[0]) {
		between, rest = nil, between // a PCK directly under the root is refused below
	}
	chain, err := roots.Verify(q.PCK[0], between, p.At)
	if err != nil {
		return nil, err
	}
	if len(chain) != 3 {
		return nil, attest.Refuse(attest.BadChain, "chain invalid: %d certificates, want PCK certificate, PCK CA and root", len(chain))
	}
	return chain, extraRoots(rest, chain.Root())
}

// judge applies collateral.
func (q *Quote) judge(c *collateral, p attest.Params, roots *attest.Roots, chain attest.Chain, platform *PlatformTCB, res *attest.Result) error {
	// The collateral must hang on the root that vouches for the quote.
	only := &attest.Roots{Certs: []*x509.Certificate{chain.Root()}, Where: roots.Where}
	rootCRL, dates, err := c.revocation(chain, p)
	if err != nil {
		return err
	}
	if err := signed("TCB info", c.tcbChain, c.tcbInfo, c.tcbSig, only, rootCRL, p.At); err != nil {
		return err
	}
	if err := signed("QE identity", c.qeChain, c.qeID, c.qeSig, only, rootCRL, p.At); err != nil {
		return err
	}
	info, err := parseTCBInfo(c.tcbInfo, q.TDX, p.At)
	if err != nil {
		return err
	}
	id, err := parseQEIdentity(c.qeID, q.TDX, p.At)
	if err != nil {
		return err
	}
	dates.Merge(info.dates)
	dates.Merge(id.dates)
	dates.Evaluation = min(info.dates.Evaluation, id.dates.Evaluation)
	res.Collateral = dates
	return q.level(info, id, platform, res)
}

// revocation checks both lists and the chain against them.
func (c *collateral) revocation(chain attest.Chain, p attest.Params) (*attest.CRL, *attest.Dates, error) {
	root, err := attest.ParseCRL(c.rootCRL, chain.Root(), p.At)
	if err != nil {
		return nil, nil, err
	}
	if err := root.Check(chain[1]); err != nil {
		return nil, nil, err
	}
	pck, err := attest.ParseCRL(c.pckCRL, chain[1], p.At)
	if err != nil {
		return nil, nil, err
	}
	dates := root.Dates()
	dates.Merge(pck.Dates())
	return root, &dates, pck.Check(chain.Leaf())
}

// level finds the status of platform, quoting enclave and module and combines
// them.
func (q *Quote) level(info *tcbInfo, id *qeIdentity, platform *PlatformTCB, res *attest.Result) error {
	if string(info.fmspc) != string(platform.FMSPC) || string(info.pceID) != string(platform.PCEID) {
		return attest.Refuse(attest.BadCollateral, "TCB info is for FMSPC %s and PCEID %s, the platform has %s and %s",
			hex.EncodeToString(info.fmspc), hex.EncodeToString(info.pceID), hex.EncodeToString(platform.FMSPC), hex.EncodeToString(platform.PCEID))
	}
	qe, err := id.check(SGXBody{q.QEReport})
	if err != nil {
		return err
	}
	var svn []byte
	if q.TDX {
		svn = q.TD().TCBSVN()
	}
	l, err := info.platform(platform, svn)
	if err != nil {
		return err
	}
	res.TCBStatus, res.TCBDate = l.status, l.date
	res.AddAdvisories(l.advisories...)
	if outdated(l.status) {
		res.OutdatedSince = info.levels[0].date
	}
	combine(res, qe, id.levels)
	if !q.TDX {
		return nil
	}
	m, levels, err := info.checkModule(q.TD())
	if err == nil && m != nil {
		combine(res, m, levels)
	}
	return err
}

// combine lets a part make the status worse.
func combine(res *attest.Result, part *rating, levels []svnLevel) {
	res.TCBStatus = worse(res.TCBStatus, part.status)
	res.AddAdvisories(part.advisories...)
	if outdated(part.status) {
		res.OutdatedSince = since(res.OutdatedSince, levels[0].date)
	}
}
