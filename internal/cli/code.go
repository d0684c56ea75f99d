package cli

import "strconv"

// Code is an exit code. The same number stands in the JSON error.
type Code int

// Exit codes. Scripts rely on them; a number is never given a new meaning.
const (
	OK                Code = 0
	Usage             Code = 2  // unknown verb or flag, missing argument, unreadable file
	JobInvalid        Code = 10 // a job, circuit or batch that can never run
	Unsupported       Code = 11 // valid, but this build, backend or device cannot do it
	CompileFailed     Code = 12 // the compiler module refused or failed
	DriverStart       Code = 20 // a driver did not start or speak
	DriverCrashed     Code = 21
	DeviceUnavailable Code = 22
	DriverAuth        Code = 23
	Quota             Code = 24
	ExecutionFailed   Code = 30 // backend or trap library failed
	DeadlineExceeded  Code = 31 // deadline passed or lease lost
	Cancelled         Code = 32 // interrupted by a signal
	TrapMismatch      Code = 40 // the trap verdict is not "pass"
	AttestationError  Code = 41 // signature or attestation refused
	ProofInvalid      Code = 42 // a proof or bundle does not verify
	BadConfig         Code = 50
	ChecksumMismatch  Code = 51 // lock file or checksum
	ModuleRefused     Code = 52 // a wasm module was refused
	NetworkService    Code = 60
	Internal          Code = 70 // a bug
)

// Row is one line of the exit code table.
type Row struct {
	Code    Code
	Name    string
	Meaning string
}

// Codes is the table behind "help exit-codes", ascending.
var Codes = []Row{
	{OK, "OK", "done"},
	{Usage, "Usage", "unknown verb or flag, missing argument, unreadable file"},
	{JobInvalid, "JobInvalid", "job, circuit or batch that can never run"},
	{Unsupported, "Unsupported", "valid, but this build or backend cannot do it"},
	{CompileFailed, "CompileFailed", "the compiler module refused or failed"},
	{DriverStart, "DriverStart", "a driver did not start or answer the handshake"},
	{DriverCrashed, "DriverCrashed", "a driver ended while it was needed"},
	{DeviceUnavailable, "DeviceUnavailable", "the device is offline, calibrating or busy"},
	{DriverAuth, "DriverAuth", "the vendor refused the credentials"},
	{Quota, "Quota", "quota or budget used up"},
	{ExecutionFailed, "ExecutionFailed", "the backend or the trap library failed"},
	{DeadlineExceeded, "DeadlineExceeded", "deadline passed or lease lost"},
	{Cancelled, "Cancelled", "interrupted"},
	{TrapMismatch, "TrapMismatch", "the trap verdict is not pass"},
	{AttestationError, "AttestationError", "signature or attestation refused"},
	{ProofInvalid, "ProofInvalid", "a proof or bundle does not verify"},
	{BadConfig, "BadConfig", "configuration refused"},
	{ChecksumMismatch, "ChecksumMismatch", "a file differs from its lock or checksum"},
	{ModuleRefused, "ModuleRefused", "a wasm module was refused"},
	{NetworkService, "NetworkService", "a network service failed or did not answer"},
	{Internal, "Internal", "a bug; please report it"},
}

// String is the default error name of the code.
func (c Code) String() string {
	for _, r := range Codes {
		if r.Code == c {
			return r.Name
		}
	}
	return "Code" + strconv.Itoa(int(c))
}
