package ionq

import (
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// statusCodes are the vendor's HTTP statuses; any other is VENDOR_DOWN.
var statusCodes = map[int]driver.Code{
	400: driver.ProgramInvalid, 401: driver.Auth, 402: driver.Quota, 403: driver.Forbidden, 404: driver.UnknownJob, 409: driver.ProgramInvalid,
	413: driver.ProgramTooLarge, 422: driver.ProgramInvalid, 429: driver.RateLimited,
}

// refusal reads the body of an answer that is not a success.
func refusal(status int, answer []byte) *driver.Error {
	var body struct {
		Error      string `json:"error"`
		Message    string `json:"message"`
		Validation *struct {
			Keys []string `json:"keys"`
		} `json:"validation"`
	}
	e := &driver.Error{Code: driver.VendorDown}
	if code, ok := statusCodes[status]; ok {
		e.Code = code
	}
	if err := rest.Decode(answer, &body); err != nil {
		return e
	}
	e.VendorCode, e.VendorMessage = body.Error, body.Message
	if body.Validation != nil && len(body.Validation.Keys) > 0 {
		e.Field = body.Validation.Keys[0]
	}
	return e
}
