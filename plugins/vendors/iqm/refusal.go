package iqm

import (
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// statusCodes are the vendor's HTTP statuses; any other is VENDOR_DOWN.
var statusCodes = map[int]driver.Code{
	400: driver.ProgramInvalid, 401: driver.Auth, 403: driver.Forbidden, 404: driver.UnknownJob, 409: driver.ProgramInvalid, 413: driver.ProgramTooLarge,
	422: driver.ProgramInvalid, 429: driver.RateLimited,
}

// errorCodes are the vendor's own codes that say more than the status.
var errorCodes = map[string]driver.Code{
	"not_enough_credits": driver.Quota, "quota_exceeded": driver.Quota, "qc_not_found": driver.UnknownDevice, "calibration_set_not_found": driver.ResultGone,
	"quality_metrics_not_found": driver.ResultGone, "job_artifact_not_found": driver.ResultGone, "unsupported_job_type": driver.NotSupported,
	"rate_limit_exceeded": driver.RateLimited, "request_payload_too_large": driver.ProgramTooLarge,
}

// hints say what an operator can do.
var hints = map[string]string{
	"timeslot_required":   "use_timeslot in the driver's configuration, and a booked timeslot",
	"no_booked_timeslots": "book a timeslot, or take use_timeslot out of the driver's configuration",
	"not_enough_credits":  "buy credits",
	"qc_not_found":        "quantum_computer in the driver's configuration is an alias of GET /quantum-computers",
}

// refusal reads the body of an answer that is not a success.
func refusal(status int, answer []byte) *driver.Error {
	var body struct {
		Code    string `json:"error_code"`
		Message string `json:"message"`
	}
	e := &driver.Error{Code: driver.VendorDown}
	if code, ok := statusCodes[status]; ok {
		e.Code = code
	}
	if err := rest.Decode(answer, &body); err != nil {
		return e
	}
	e.VendorCode, e.VendorMessage, e.Hint = body.Code, body.Message, hints[body.Code]
	if code, ok := errorCodes[body.Code]; ok && status < 500 {
		e.Code = code
	}
	return e
}
