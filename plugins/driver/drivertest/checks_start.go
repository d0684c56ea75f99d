package drivertest

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/process"
)

var startChecks = []check{
	{"start", "handshake-line", 0, func(ctx context.Context, b *bench) error {
		h, err := b.hand(ctx, nil)
		if err != nil {
			return err
		}
		defer h.end()
		if h.parts[0] != "1" || len(h.parts) < 6 || len(h.parts) > 7 || h.parts[4] != "grpc" {
			return fmt.Errorf("the line is %.200q, want 1|VERSION|unix|PATH|grpc|CERTIFICATE", h.line)
		}
		return nil
	}},
	{"start", "protocol-version", 0, func(ctx context.Context, b *bench) error {
		h, err := b.hand(ctx, map[string]string{"PLUGIN_PROTOCOL_VERSIONS": "1,9999"})
		if err != nil {
			return err
		}
		defer h.end()
		if h.parts[1] != "1" {
			return fmt.Errorf("chose version %q of 1 and 9999, which no driver speaks", h.parts[1])
		}
		return nil
	}},
	{"start", "socket-in-folder", 0, func(ctx context.Context, b *bench) error {
		h, err := b.hand(ctx, nil)
		if err != nil {
			return err
		}
		defer h.end()
		if h.parts[2] != "unix" || filepath.Dir(h.parts[3]) != h.dir {
			return fmt.Errorf("listens on %s %s, want a unix socket in PLUGIN_UNIX_SOCKET_DIR", h.parts[2], h.parts[3])
		}
		return nil
	}},
	{"start", "certificate", 0, func(ctx context.Context, b *bench) error {
		h, err := b.hand(ctx, nil)
		if err != nil {
			return err
		}
		defer h.end()
		return h.tls(&h.client, true)
	}},
	{"start", "refuses-no-certificate", 0, func(ctx context.Context, b *bench) error {
		h, err := b.hand(ctx, nil)
		if err != nil {
			return err
		}
		defer h.end()
		if h.tls(nil, true) == nil {
			return errors.New("speaks to a client without a certificate")
		}
		return nil
	}},
	{"start", "refuses-other-certificate", 0, func(ctx context.Context, b *bench) error {
		h, err := b.hand(ctx, nil)
		if err != nil {
			return err
		}
		defer h.end()
		other, _, err := certificate()
		if err != nil {
			return err
		}
		if h.tls(&other, true) == nil {
			return errors.New("speaks to a client with another certificate than PLUGIN_CLIENT_CERT")
		}
		return nil
	}},
	{"start", "needs-cookie", 0, func(ctx context.Context, b *bench) error {
		h, err := b.hand(ctx, map[string]string{driver.Handshake.MagicCookieKey: ""})
		if err == nil {
			h.end()
			return errors.New("serves without the cookie")
		}
		return nil
	}},
	{"start", "answers-to-sigterm", 0, func(ctx context.Context, b *bench) error {
		p, err := b.start(ctx)
		if err != nil {
			return err
		}
		if err := p.Stop(ctx, 5*time.Second); err != nil {
			return err
		}
		if r := p.Report(); strings.Contains(r.Exit, "killed") {
			return fmt.Errorf("did not end within 5 s of SIGTERM (%s)", r.Exit)
		}
		return nil
	}},
	{"start", "health", 0, func(ctx context.Context, b *bench) error {
		p, err := b.start(ctx)
		if err != nil {
			return err
		}
		defer p.Stop(ctx, 0)
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return p.Ping(ctx)
	}},
}

// hand is a driver started by hand, before any gRPC.
type hand struct {
	run    *process.Runner
	dir    string
	line   string
	parts  []string
	client tls.Certificate
}

// hand starts the driver with the environment that go-plugin would give, changed
// by edit (an empty value removes the variable).
func (b *bench) hand(ctx context.Context, edit map[string]string) (*hand, error) {
	dir, err := os.MkdirTemp(b.o.Sockets, "h")
	if err != nil {
		return nil, err
	}
	h := &hand{dir: dir}
	var certPEM []byte
	if h.client, certPEM, err = certificate(); err != nil {
		return nil, err
	}
	env := map[string]string{driver.Handshake.MagicCookieKey: driver.Handshake.MagicCookieValue, "PLUGIN_PROTOCOL_VERSIONS": "1", "PLUGIN_UNIX_SOCKET_DIR": dir,
		"PLUGIN_MIN_PORT": "10000", "PLUGIN_MAX_PORT": "25000", "PLUGIN_CLIENT_CERT": string(certPEM)}
	for k, v := range edit {
		env[k] = v
	}
	var list []string
	for k, v := range env {
		if v != "" {
			list = append(list, k+"="+v)
		}
	}
	if h.run, err = process.NewRunner(b.o.Spec, list, dir); err != nil {
		return nil, err
	}
	if err := h.run.Start(ctx); err != nil {
		return nil, err
	}
	go io.Copy(io.Discard, h.run.Stderr())
	got := make(chan error, 1)
	go func() {
		var err error
		h.line, err = bufio.NewReader(h.run.Stdout()).ReadString('\n')
		got <- err
	}()
	select {
	case err = <-got:
	case <-time.After(time.Minute):
		err = errors.New("no handshake line within a minute")
	case <-ctx.Done():
		err = ctx.Err()
	}
	h.line = strings.TrimSpace(h.line)
	h.parts = strings.Split(h.line, "|")
	if err == nil && len(h.parts) < 4 {
		err = fmt.Errorf("the line %.200q is no handshake", h.line)
	}
	if err != nil {
		h.end()
		return nil, fmt.Errorf("%w; %s", err, h.run.Diagnose(ctx))
	}
	return h, nil
}

func (h *hand) end() {
	_ = h.run.Kill(context.Background())
	_ = os.RemoveAll(h.dir)
}

// tls connects with a client certificate and reads one byte, which a server that
// accepts the client sends (its HTTP/2 settings).
func (h *hand) tls(client *tls.Certificate, pin bool) error {
	if len(h.parts) < 6 {
		return errors.New("the handshake line has no certificate")
	}
	der, err := base64.RawStdEncoding.DecodeString(h.parts[5])
	if err != nil {
		return fmt.Errorf("the certificate of the handshake line: %w", err)
	}
	server, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("the certificate of the handshake line: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server)
	cfg := &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}
	if client != nil {
		cfg.Certificates = []tls.Certificate{*client}
	}
	raw, err := net.DialTimeout("unix", h.parts[3], 5*time.Second)
	if err != nil {
		return err
	}
	defer raw.Close()
	if err := raw.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	c := tls.Client(raw, cfg)
	if err := c.Handshake(); err != nil {
		return err
	}
	if _, err := c.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 1))
	return err
}

// certificate mints what AutoMTLS mints: a self-signed P-521 leaf for localhost.
func certificate() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	now := time.Now()
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "localhost", Organization: []string{"conformance"}}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement | x509.KeyUsageCertSign,
		BasicConstraintsValid: true, NotBefore: now.Add(-30 * time.Second), NotAfter: now.Add(24 * time.Hour), IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
