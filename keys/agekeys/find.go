package agekeys

import (
	"os"
	"path/filepath"

	"github.com/animicaorg/engine/keys"
)

// Find says where the identity of an engine lies: at path if that is set, else where the
// service manager put it (credentials is $CREDENTIALS_DIRECTORY, may be empty), else below
// the configuration folder. The file need not be there.
func Find(path, credentials, config string) string {
	if path != "" {
		return path
	}
	if credentials != "" {
		handed := filepath.Join(credentials, CredentialName)
		if _, err := os.Lstat(handed); err == nil {
			return handed
		}
	}
	return filepath.Join(config, CredentialName)
}

// Lazy opens with what it returns; it is asked when a sealed key is met, not before.
type Lazy func() (keys.Sealer, error)

// Open implements keys.Sealer.
func (l Lazy) Open(sealed []byte) ([]byte, error) {
	s, err := l()
	if err != nil {
		return nil, err
	}
	return s.Open(sealed)
}

// Seal implements keys.Sealer; keys are sealed by the sealer itself.
func (Lazy) Seal([]byte) ([]byte, error) { return nil, keys.ErrLocked }

// Level implements keys.Sealer.
func (Lazy) Level() string { return "" }
