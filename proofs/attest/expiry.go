package attest

import "time"

// WarnDays are the days before its end at which the operator of a certificate is
// warned, the longest first.
var WarnDays = []int{30, 14, 7, 1}

// ExpiryWarning returns the smallest of WarnDays that is not shorter than what is
// left at the time at before notAfter, the last moment of validity. due is false
// while more than the longest is left; after the end days is 0.
func ExpiryWarning(at, notAfter time.Time) (days int, due bool) {
	if at.After(notAfter) {
		return 0, true
	}
	for _, d := range WarnDays {
		if at.Add(time.Duration(d) * 24 * time.Hour).Before(notAfter) {
			break
		}
		days, due = d, true
	}
	return days, due
}

// CoversDeadline refuses work that may end after notAfter, the last moment in
// which the certificate of the environment or the device is valid: its evidence
// would be worthless when it is judged.
func CoversDeadline(notAfter, deadline time.Time) error {
	if deadline.After(notAfter) {
		return Refuse(BadTime, "the deadline %s lies behind the end of the certificate, %s: renew it before taking this work",
			deadline.UTC().Format(time.RFC3339), notAfter.UTC().Format(time.RFC3339))
	}
	return nil
}
