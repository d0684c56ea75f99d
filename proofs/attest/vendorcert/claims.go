package vendorcert

import (
	"encoding/json"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
)

// Claims are what the vendor says about a device: the payload of the JWS.
type Claims struct {
	Vendor     string
	DeviceID   string
	Family     string
	Serial     string
	Firmware   string
	KeyHolder  KeyHolder
	DeviceKey  []byte // raw Ed25519 key; nil exactly when KeyHolder is none
	Qubits     uint64
	Topology   digest.Digest // of the vendor's coupling map; zero: absent
	IssuedAt   time.Time
	NotBefore  time.Time
	Expires    time.Time // the first moment of no validity
	ID         string    // jti, unique at the vendor
	Revocation string    // URL for people; nothing here fetches it; empty: absent
}

// claimsJSON is the payload; the order of its members is that of the encoder.
type claimsJSON struct {
	Vendor     string         `json:"vendor"`
	DeviceID   string         `json:"device_id"`
	Family     string         `json:"family"`
	Serial     string         `json:"serial"`
	Firmware   string         `json:"firmware"`
	KeyHolder  KeyHolder      `json:"key_holder"`
	DeviceKey  string         `json:"device_key,omitempty"` // Multikey
	Qubits     uint64         `json:"qubits"`
	Topology   *digest.Digest `json:"topology_sha3_256,omitempty"`
	IssuedAt   int64          `json:"iat"`
	NotBefore  int64          `json:"nbf"`
	Expires    int64          `json:"exp"`
	ID         string         `json:"jti"`
	Revocation string         `json:"revocation_url,omitempty"`
}

func (c *Claims) marshal() ([]byte, error) {
	out := claimsJSON{Vendor: c.Vendor, DeviceID: c.DeviceID, Family: c.Family, Serial: c.Serial, Firmware: c.Firmware, KeyHolder: c.KeyHolder,
		Qubits: c.Qubits, IssuedAt: c.IssuedAt.Unix(), NotBefore: c.NotBefore.Unix(), Expires: c.Expires.Unix(), ID: c.ID, Revocation: c.Revocation}
	if c.DeviceKey != nil {
		out.DeviceKey = FormatMultikey(c.DeviceKey)
	}
	if !c.Topology.IsZero() {
		out.Topology = &c.Topology
	}
	return json.Marshal(out)
}

// parseClaims reads a payload strictly: unknown, repeated and wrongly typed
// members are refused.
func parseClaims(b []byte) (*Claims, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: maxJWS, Depth: 1, Values: 32})
	c.Only("vendor", "device_id", "family", "serial", "firmware", "key_holder", "device_key", "qubits", "topology_sha3_256", "iat", "nbf", "exp", "jti", "revocation_url")
	name := func(key string) string {
		m := c.Member(key)
		s := m.Text(maxName)
		if s == "" {
			m.Fail("", "is empty")
		}
		return s
	}
	out := &Claims{Vendor: name("vendor"), DeviceID: name("device_id"), Family: name("family"), Serial: name("serial"), Firmware: name("firmware"),
		KeyHolder: KeyHolder(c.Member("key_holder").OneOf(holders...)), Qubits: c.Member("qubits").Uint(1, 1<<20), ID: name("jti"),
		IssuedAt: readUnix(c.Member("iat")), NotBefore: readUnix(c.Member("nbf")), Expires: readUnix(c.Member("exp"))}
	if m, ok := c.Optional("device_key"); ok {
		var err error
		if out.DeviceKey, err = ParseMultikey(m.Text(maxName)); err != nil {
			m.Fail("", "%v", err)
		}
	}
	if (out.DeviceKey == nil) != (out.KeyHolder == HolderNone) {
		c.Fail("", "device_key stands exactly where key_holder is not none")
	}
	if m, ok := c.Optional("topology_sha3_256"); ok {
		out.Topology = m.Hash()
	}
	if m, ok := c.Optional("revocation_url"); ok {
		out.Revocation = m.Text(1024)
	}
	if err := c.Err(); err != nil {
		return nil, badFormat("claims: %v", err)
	}
	return out, nil
}

func readUnix(c strictjson.Cursor) time.Time {
	return time.Unix(int64(c.Uint(1, 1<<40)), 0).UTC()
}

// KeyText is the device's key as the guide's device_pubkey: ed25519: and hex, or
// none.
func (c *Claims) KeyText() string {
	if c.DeviceKey == nil {
		return string(HolderNone)
	}
	return keys.PublicText(keys.Ed25519, c.DeviceKey)
}
