package qiskit

import (
	"archive/zip"
	"bytes"
	"embed"
	_ "embed" // Requirements
	"fmt"
	"io/fs"
	"strings"

	"github.com/animicaorg/engine/plugins/driver/python"
)

// Name is how an operator calls this driver.
const (
	Name    = "qiskit"
	Version = "1.0.0"
)

// Requirements are the wheels of the environment, every file by its hash:
// requirements.in resolved for Python 3.11 and newer on every platform.
//
//go:embed requirements.txt
var Requirements []byte

//go:embed src/__main__.py src/engine_qiskit/*.py
var source embed.FS

// maxInterpreter bounds the first line, of which kernels read 255 bytes.
const maxInterpreter = 240

// App is the zip application, to be run by an interpreter given by its absolute
// path. The interpreter takes nothing from its environment and writes no bytecode.
func App(interpreter string) ([]byte, error) {
	if len(interpreter) > maxInterpreter || !strings.HasPrefix(interpreter, "/") || strings.ContainsAny(interpreter, " \t\r\n") {
		return nil, fmt.Errorf("interpreter %q: want an absolute path of at most %d bytes without white space", interpreter, maxInterpreter)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "#!%s -IB\n", interpreter)
	z := zip.NewWriter(&b)
	z.SetOffset(int64(b.Len()))
	for _, part := range []struct {
		files fs.FS
		root  string
	}{{source, "src"}, {python.Source, "src"}} {
		files, err := fs.Sub(part.files, part.root)
		if err != nil {
			return nil, err
		}
		if err := add(z, files); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil { // writes the directory
		return nil, err
	}
	return b.Bytes(), nil
}

// add stores files in the order of their names, without times.
func add(z *zip.Writer, files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
}
