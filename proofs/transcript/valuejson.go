package transcript

import (
	"strconv"

	"github.com/animicaorg/engine/internal/strictjson"
)

// ValueOfJSON turns a JSON value into a Value, so that it can be hashed by its
// meaning instead of by its spelling. Floats (anything but plain digits with an
// optional minus) and null are refused; lim.Text and NFC hold for every string.
func ValueOfJSON(n *strictjson.Node, lim Limits) (Value, error) {
	v, err := valueOfJSON(n)
	if err != nil {
		return Value{}, err
	}
	_, err = EncodeCBOR(v, lim)
	return v, err
}

func valueOfJSON(n *strictjson.Node) (Value, error) {
	switch n.Kind {
	case strictjson.Bool:
		return BoolValue(n.True), nil
	case strictjson.String:
		return TextValue(n.Text), nil
	case strictjson.Number:
		if u, err := strconv.ParseUint(n.Text, 10, 64); err == nil {
			return UintValue(u), nil
		}
		if i, err := strconv.ParseInt(n.Text, 10, 64); err == nil && i < 0 {
			return IntValue(i), nil
		}
		return Value{}, cborError("number %.40s is not an integer of 64 bits; write it as text", n.Text)
	case strictjson.Array:
		v := ArrayValue()
		for i := range n.Items {
			e, err := valueOfJSON(&n.Items[i])
			if err != nil {
				return Value{}, err
			}
			v.Array = append(v.Array, e)
		}
		return v, nil
	case strictjson.Object:
		v := MapValue()
		for i := range n.Members {
			e, err := valueOfJSON(&n.Members[i].Value)
			if err != nil {
				return Value{}, err
			}
			v.Members = append(v.Members, Member{n.Members[i].Key, e})
		}
		return v, nil
	}
	return Value{}, cborError("null is not allowed")
}
