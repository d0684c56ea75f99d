package dcap

import (
	"encoding/binary"
)

// SGXBody is the report of an enclave.
type SGXBody struct{ b []byte }

// SGX returns the body of a quote about an enclave.
func (q *Quote) SGX() SGXBody { return SGXBody{q.Body} }

func reportData(report []byte) []byte { return report[320:384] }

// CPUSVN, and the other methods, return the field of that name.
func (s SGXBody) CPUSVN() []byte     { return s.b[0:16] }
func (s SGXBody) MiscSelect() []byte { return s.b[16:20] }
func (s SGXBody) Attributes() []byte { return s.b[48:64] }
func (s SGXBody) MRENCLAVE() []byte  { return s.b[64:96] }
func (s SGXBody) MRSIGNER() []byte   { return s.b[128:160] }
func (s SGXBody) ConfigID() []byte   { return s.b[192:256] }
func (s SGXBody) ProdID() uint16     { return binary.LittleEndian.Uint16(s.b[256:]) }
func (s SGXBody) SVN() uint16        { return binary.LittleEndian.Uint16(s.b[258:]) }
func (s SGXBody) ReportData() []byte { return reportData(s.b) }

// Debug is bit 1 of ATTRIBUTES.FLAGS.
func (s SGXBody) Debug() bool { return s.Attributes()[0]&2 != 0 }

// TDXBody is the report of a trust domain.
type TDXBody struct{ b []byte }

// TD returns the body of a quote about a trust domain.
func (q *Quote) TD() TDXBody { return TDXBody{q.Body} }

// TCBSVN, and the other methods, return the field of that name.
func (t TDXBody) TCBSVN() []byte         { return t.b[0:16] }
func (t TDXBody) MRSEAM() []byte         { return t.b[16:64] }
func (t TDXBody) MRSIGNERSEAM() []byte   { return t.b[64:112] }
func (t TDXBody) SEAMAttributes() []byte { return t.b[112:120] }
func (t TDXBody) Attributes() []byte     { return t.b[120:128] }
func (t TDXBody) XFAM() []byte           { return t.b[128:136] }
func (t TDXBody) MRTD() []byte           { return t.b[136:184] }
func (t TDXBody) MRCONFIGID() []byte     { return t.b[184:232] }
func (t TDXBody) MROWNER() []byte        { return t.b[232:280] }
func (t TDXBody) MROWNERCONFIG() []byte  { return t.b[280:328] }
func (t TDXBody) RTMR(i int) []byte      { return t.b[328+48*i : 376+48*i] }
func (t TDXBody) ReportData() []byte     { return t.b[520:584] }

// MRSERVICETD is the hash of bound service domains, of TD 1.5 only.
func (t TDXBody) MRSERVICETD() []byte {
	if len(t.b) < TD15BodySize {
		return nil
	}
	return t.b[600:648]
}

// Debug is any bit of TDATTRIBUTES.TUD (bits 7:0): the domain is untrusted.
func (t TDXBody) Debug() bool { return t.Attributes()[0] != 0 }

// Migratable is TDATTRIBUTES bit 29.
func (t TDXBody) Migratable() bool { return t.Attributes()[3]&0x20 != 0 }

// matchMasked reports whether value under mask equals want.
func matchMasked(value, mask, want []byte) bool {
	if len(value) != len(mask) || len(value) != len(want) {
		return false
	}
	for i := range value {
		if value[i]&mask[i] != want[i]&mask[i] {
			return false
		}
	}
	return true
}
