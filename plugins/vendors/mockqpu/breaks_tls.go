package mockqpu

import (
	"bufio"
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
	"os"
	"strings"
	"time"
)

// looseConfig is a server's TLS that lets strangers in: everybody, or everybody
// with any certificate but not without one. It returns the certificate as the
// handshake line has it.
func looseConfig(everybody bool) (func() (*tls.Config, error), string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	now := time.Now()
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, NotBefore: now.Add(-time.Minute), NotAfter: now.Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, "", err
	}
	auth, pool := tls.RequireAnyClientCert, (*x509.CertPool)(nil)
	if everybody { // without a certificate; but not with a wrong one
		pool = x509.NewCertPool()
		block, _ := pem.Decode([]byte(os.Getenv("PLUGIN_CLIENT_CERT")))
		if block == nil {
			return nil, "", errors.New("no client certificate in the environment")
		}
		client, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, "", err
		}
		pool.AddCert(client)
		auth = tls.VerifyClientCertIfGiven
	}
	cfg := func() (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, ClientAuth: auth, ClientCAs: pool, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}, nil
	}
	return cfg, base64.RawStdEncoding.EncodeToString(der), nil
}

// rewriteLine puts a filter between the handshake and the host.
func rewriteLine(edit func([]string) []string) func() error {
	return func() error {
		to := os.Stdout
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		os.Stdout = w
		go func() {
			line, err := bufio.NewReader(r).ReadString('\n')
			if err == nil {
				fmt.Fprintln(to, strings.Join(edit(strings.Split(strings.TrimSpace(line), "|")), "|"))
			}
			_, _ = io.Copy(io.Discard, r)
		}()
		return nil
	}
}
