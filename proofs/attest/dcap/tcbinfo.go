package dcap

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/attest"
)

// head is what TCB info and QE identity have in common.
type head struct {
	id    string
	dates attest.Dates
}

// rating is the status that a level carries.
type rating struct {
	status     attest.TCBStatus
	date       time.Time
	advisories []string
}

// level is one level of TCB info.
type level struct {
	sgx, tdx [16]byte
	pcesvn   uint64
	rating
}

// svnLevel is one level of an enclave or module.
type svnLevel struct {
	isvsvn uint64
	rating
}

// module is the identity of a TDX module; its levels may be empty.
type module struct {
	id                         string
	mrsigner, attributes, mask []byte
	levels                     []svnLevel
}

type tcbInfo struct {
	head
	fmspc, pceID []byte
	module       *module // svn[1] = 0
	modules      []module
	levels       []level // highest first
}

type qeIdentity struct {
	head
	misc, miscMask, attributes, attributesMask, mrsigner []byte
	prodID                                               uint64
	levels                                               []svnLevel
}

const maxLevels = 256

var jsonLimits = strictjson.Limits{Bytes: 512 << 10, Depth: 12, Values: 64 << 10}

// readHead reads id, version, issueDate, nextUpdate, tcbEvaluationDataNumber and
// holds the dates against the time.
func readHead(c strictjson.Cursor, version uint64, at time.Time, ids ...string) head {
	h := head{id: c.Member("id").OneOf(ids...)}
	c.Member("version").Uint(version, version)
	h.dates = attest.Dates{IssuedAt: readTime(c.Member("issueDate")), NextUpdate: readTime(c.Member("nextUpdate")),
		Evaluation: c.Member("tcbEvaluationDataNumber").Uint(0, 1<<31)}
	if at.Before(h.dates.IssuedAt) || at.After(h.dates.NextUpdate) {
		c.Fail("", "is current from %s to %s, not at %s", h.dates.IssuedAt.Format(time.RFC3339), h.dates.NextUpdate.Format(time.RFC3339), at.UTC().Format(time.RFC3339))
	}
	return h
}

func readTime(c strictjson.Cursor) time.Time {
	t, err := time.Parse(time.RFC3339, c.Text(40))
	if err != nil {
		c.Fail("", "is no time")
	}
	return t.UTC()
}

// readHex reads n bytes in digits of either case, as Intel writes both.
func readHex(c strictjson.Cursor, n int) []byte {
	b, err := hex.DecodeString(c.Text(2 * n))
	if err != nil || len(b) != n {
		c.Fail("", "want %d bytes in hexadecimal digits", n)
		return make([]byte, n)
	}
	return b
}

var known = []string{string(attest.UpToDate), string(attest.SWHardeningNeeded), string(attest.ConfigurationNeeded),
	string(attest.ConfigurationAndSWHardeningNeeded), string(attest.OutOfDate), string(attest.OutOfDateConfigurationNeeded), string(attest.RevokedTCB)}

func readRating(c strictjson.Cursor) rating {
	r := rating{status: attest.TCBStatus(c.Member("tcbStatus").OneOf(known...)), date: readTime(c.Member("tcbDate"))}
	if l, ok := c.Optional("advisoryIDs"); ok {
		for _, a := range l.Items(256) {
			r.advisories = append(r.advisories, a.Text(64))
		}
	}
	return r
}

func readComponents(c strictjson.Cursor) (out [16]byte) {
	items := c.Items(16)
	if len(items) != 16 {
		c.Fail("", "has %d components, want 16", len(items))
		return out
	}
	for i, it := range items {
		out[i] = byte(it.Member("svn").Uint(0, 255))
	}
	return out
}

func readSVNLevels(c strictjson.Cursor) (out []svnLevel) {
	for _, l := range c.Items(maxLevels) {
		out = append(out, svnLevel{l.Member("tcb").Member("isvsvn").Uint(0, 65535), readRating(l)})
	}
	slices.SortStableFunc(out, func(a, b svnLevel) int { return int(b.isvsvn) - int(a.isvsvn) })
	return out
}

func readModule(c strictjson.Cursor) module {
	return module{mrsigner: readHex(c.Member("mrsigner"), 48), attributes: readHex(c.Member("attributes"), 8), mask: readHex(c.Member("attributesMask"), 8)}
}

// parseTCBInfo reads TCB info version 3 for the TEE.
func parseTCBInfo(b []byte, tdx bool, at time.Time) (*tcbInfo, error) {
	c := strictjson.Open(b, jsonLimits)
	id := "SGX"
	if tdx {
		id = "TDX"
	}
	t := &tcbInfo{head: readHead(c, 3, at, id), fmspc: readHex(c.Member("fmspc"), 6), pceID: readHex(c.Member("pceId"), 2)}
	c.Member("tcbType").Uint(0, 0)
	if m, ok := c.Optional("tdxModule"); ok {
		x := readModule(m)
		t.module = &x
	}
	if l, ok := c.Optional("tdxModuleIdentities"); ok {
		for _, m := range l.Items(maxLevels) {
			x := readModule(m)
			x.id, x.levels = m.Member("id").Text(64), readSVNLevels(m.Member("tcbLevels"))
			t.modules = append(t.modules, x)
		}
	}
	for _, l := range c.Member("tcbLevels").Items(maxLevels) {
		tcb := l.Member("tcb")
		x := level{sgx: readComponents(tcb.Member("sgxtcbcomponents")), pcesvn: tcb.Member("pcesvn").Uint(0, 65535), rating: readRating(l)}
		if tdx {
			x.tdx = readComponents(tcb.Member("tdxtcbcomponents"))
		}
		t.levels = append(t.levels, x)
	}
	slices.SortStableFunc(t.levels, func(a, b level) int { return -compareLevels(a, b) })
	if err := c.Err(); err != nil {
		return nil, attest.Refuse(attest.BadCollateral, "TCB info: %v", err)
	}
	return t, nil
}

// compareLevels orders levels by SGX components, TDX components, PCESVN.
func compareLevels(a, b level) int {
	if n := bytes.Compare(a.sgx[:], b.sgx[:]); n != 0 {
		return n
	}
	if n := bytes.Compare(a.tdx[:], b.tdx[:]); n != 0 {
		return n
	}
	return int(a.pcesvn) - int(b.pcesvn)
}

// parseQEIdentity reads QE identity version 2 for the TEE.
func parseQEIdentity(b []byte, tdx bool, at time.Time) (*qeIdentity, error) {
	c := strictjson.Open(b, jsonLimits)
	id := "QE"
	if tdx {
		id = "TD_QE"
	}
	q := &qeIdentity{head: readHead(c, 2, at, id),
		misc: readHex(c.Member("miscselect"), 4), miscMask: readHex(c.Member("miscselectMask"), 4),
		attributes: readHex(c.Member("attributes"), 16), attributesMask: readHex(c.Member("attributesMask"), 16),
		mrsigner: readHex(c.Member("mrsigner"), 32), prodID: c.Member("isvprodid").Uint(0, 65535),
		levels: readSVNLevels(c.Member("tcbLevels"))}
	if err := c.Err(); err != nil {
		return nil, attest.Refuse(attest.BadCollateral, "QE identity: %v", err)
	}
	return q, nil
}

// identity finds the module of a TDX version number, TDX_01 and so on.
func (t *tcbInfo) identity(version byte) *module {
	if version == 0 {
		return t.module
	}
	want := "TDX_" + hex.EncodeToString([]byte{version})
	for i := range t.modules {
		if strings.EqualFold(t.modules[i].id, want) {
			return &t.modules[i]
		}
	}
	return nil
}
