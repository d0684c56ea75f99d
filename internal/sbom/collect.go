package sbom

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"runtime/debug"
	"strings"
)

// Program describes a binary by what its linker wrote into it. The subject of a
// document is the program; the rest are its modules and the Go toolchain.
func Program(name, version string, info *debug.BuildInfo) (subject Component, deps []Component) {
	subject = Component{Ref: "program/" + name, Type: Application, Name: name, Version: version}
	if info == nil {
		return subject, nil
	}
	deps = append(deps, Component{Ref: "go-toolchain", Type: Platform, Name: "go", Version: strings.TrimPrefix(info.GoVersion, "go")})
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := "pkg:golang/" + m.Path + "@" + url.PathEscape(m.Version)
		deps = append(deps, Component{Ref: "pkg:golang/" + m.Path, Type: Library, Name: m.Path, Version: m.Version, PURL: purl})
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "-tags", "GOAMD64", "GOARM64", "GOFIPS140", "CGO_ENABLED":
			if s.Value != "" {
				deps = append(deps, Component{Ref: "build/" + s.Key, Type: Platform, Name: s.Key, Version: s.Value})
			}
		}
	}
	return subject, deps
}

// maxFile bounds a file of the host in bytes; a Debian host with 3,000 packages
// has 5 MB in dpkg's.
const maxFile = 64 << 20

// Host lists kernel, distribution, processor with microcode, firmware and Debian
// packages from a file system rooted at "/". What a host does not say is left
// out; only a file that cannot be read to its end is an error.
func Host(root fs.FS) ([]Component, error) {
	var out []Component
	add := func(ref string, t Type, name, version string) {
		if version != "" {
			out = append(out, Component{Ref: ref, Type: t, Name: name, Version: version})
		}
	}
	texts := map[string]string{}
	for _, f := range []string{"proc/sys/kernel/osrelease", "etc/os-release", "proc/cpuinfo", "sys/class/dmi/id/bios_vendor", "sys/class/dmi/id/bios_version",
		"sys/class/dmi/id/product_name", "var/lib/dpkg/status"} {
		b, err := readFile(root, f)
		if err != nil {
			return nil, err
		}
		texts[f] = string(b)
	}
	line := func(f string) string { return strings.TrimSpace(texts[f]) }
	add("host/kernel", OperatingSystem, "linux", line("proc/sys/kernel/osrelease"))
	if name := value(texts["etc/os-release"], "ID", "="); name != "" {
		add("host/distribution", OperatingSystem, name, cmpOr(value(texts["etc/os-release"], "VERSION_ID", "="), "rolling"))
	}
	if cpu := value(texts["proc/cpuinfo"], "model name", ":"); cpu != "" {
		add("host/cpu", Device, "cpu", cpu)
	}
	add("host/microcode", Firmware, "microcode", value(texts["proc/cpuinfo"], "microcode", ":"))
	if vendor := line("sys/class/dmi/id/bios_vendor"); vendor != "" {
		add("host/bios", Firmware, vendor, line("sys/class/dmi/id/bios_version"))
	}
	add("host/machine", Device, "machine", line("sys/class/dmi/id/product_name"))
	return append(out, packages(texts["var/lib/dpkg/status"])...), nil
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// readFile returns a file's bytes, none where it is absent or closed to this
// user.
func readFile(root fs.FS, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("sbom: /%s: %w", name, err)
	case len(b) > maxFile:
		return nil, fmt.Errorf("sbom: /%s has more than %d bytes", name, maxFile)
	}
	return b, nil
}

// value returns the first value of a key in lines "key<sep>value", without
// quotes.
func value(text, key, sep string) string {
	for l := range strings.Lines(text) {
		k, v, ok := strings.Cut(l, sep)
		if ok && strings.TrimSpace(k) == key {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}

// packages reads dpkg's status file: paragraphs of "Key: value" lines.
func packages(status string) (out []Component) {
	p := map[string]string{}
	flush := func() {
		if strings.HasSuffix(p["Status"], " installed") && p["Package"] != "" && p["Version"] != "" {
			ref := "pkg:deb/" + p["Package"] + "?arch=" + p["Architecture"]
			purl := "pkg:deb/" + p["Package"] + "@" + url.QueryEscape(p["Version"]) + "?arch=" + url.QueryEscape(p["Architecture"])
			out = append(out, Component{Ref: ref, Type: Library, Name: p["Package"], Version: p["Version"], PURL: purl})
		}
		clear(p)
	}
	s := bufio.NewScanner(bytes.NewReader([]byte(status)))
	s.Buffer(nil, maxFile)
	for s.Scan() {
		if s.Text() == "" {
			flush()
			continue
		}
		if k, v, ok := strings.Cut(s.Text(), ": "); ok && (k == "Package" || k == "Status" || k == "Version" || k == "Architecture") {
			p[k] = v
		}
	}
	flush()
	return out
}
