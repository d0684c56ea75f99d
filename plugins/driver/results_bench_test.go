package driver_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// millionShots are 10^6 outcomes of 20 bits.
func millionShots() *guest.Outcomes {
	const n = 1_000_000
	o := &guest.Outcomes{N: n, Width: 20, Rows: make([]byte, 3*n), Present: make([]byte, (n+7)/8)}
	for i := range o.Present {
		o.Present[i] = 0xff
	}
	for i := range n {
		o.Rows[3*i], o.Rows[3*i+1], o.Rows[3*i+2] = byte(i), byte(i>>8), byte(i>>16)
	}
	return o
}

// BenchmarkResults measures shots per second through the boundary: gRPC over a Unix
// socket with mutual TLS, both sides hashing, with every check of the client. strings
// sends the same shots as texts of 0 and 1, as many to a message as fit the same
// 256 KiB, and checks nothing: what a contract of strings would cost at least.
func BenchmarkResults(b *testing.B) {
	o := millionShots()
	report := func(b *testing.B) {
		b.ReportMetric(float64(o.N)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mshots/s")
	}
	b.Run("packed", func(b *testing.B) {
		conn := overTLS(b, func(s *grpc.Server) { driver.Register(s, &fake{outcomes: o}) })
		c := driver.NewClient(conn, nil)
		_, err := c.Configure(b.Context(), &driver.Config{})
		require.NoError(b, err)
		for b.Loop() {
			n := uint32(0)
			require.NoError(b, c.Results(b.Context(), "j", 0, driver.ChunkBytes, func(chunk *driverv1.ResultChunk) error {
				n += chunk.GetBody().GetN()
				return nil
			}))
			require.Equal(b, uint32(o.N), n)
		}
		report(b)
	})
	b.Run("strings", func(b *testing.B) {
		const perMessage = driver.ChunkBytes / 22 // 20 characters, tag and length
		stream := grpc.StreamDesc{StreamName: "Strings", ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			if err := s.RecvMsg(&emptypb.Empty{}); err != nil {
				return err
			}
			for i := 0; i < o.N; i += perMessage {
				m := &fieldmaskpb.FieldMask{} // a message of strings
				for k := i; k < min(o.N, i+perMessage); k++ {
					m.Paths = append(m.Paths, bitString(o, k))
				}
				if err := s.SendMsg(m); err != nil {
					return err
				}
			}
			return nil
		}}
		conn := overTLS(b, func(s *grpc.Server) {
			s.RegisterService(&grpc.ServiceDesc{ServiceName: "bench.Strings", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{stream}}, nil)
		})
		for b.Loop() {
			s, err := conn.NewStream(b.Context(), &stream, "/bench.Strings/Strings")
			require.NoError(b, err)
			require.NoError(b, s.SendMsg(&emptypb.Empty{}))
			require.NoError(b, s.CloseSend())
			n := 0
			for {
				m := &fieldmaskpb.FieldMask{}
				if err := s.RecvMsg(m); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					b.Fatal(err)
				}
				for _, text := range m.Paths { // a reader wants bits in the end
					x, err := strconv.ParseUint(text, 2, 32)
					if err != nil {
						b.Fatal(err)
					}
					n += int(x & 1)
				}
			}
			require.Equal(b, o.N/2, n)
		}
		report(b)
	})
}

// bitString is outcome i as text, the highest bit first.
func bitString(o *guest.Outcomes, i int) string {
	text := make([]byte, o.Width)
	for q := range o.Width {
		text[o.Width-1-q] = '0' + o.Row(i)[q>>3]>>(q&7)&1
	}
	return string(text)
}

// overTLS serves over a Unix socket with mutual TLS and connects to it.
func overTLS(b *testing.B, register func(*grpc.Server)) *grpc.ClientConn {
	b.Helper()
	der, key := selfSigned(b)
	pool := x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	require.NoError(b, err)
	pool.AddCert(cert)
	both := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, ServerName: "localhost", MinVersion: tls.VersionTLS13}
	dir, err := os.MkdirTemp("", "b")
	require.NoError(b, err)
	b.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	require.NoError(b, err)
	s := grpc.NewServer(append(driver.ServerOptions(), grpc.Creds(credentials.NewTLS(both)))...)
	register(s)
	go func() { _ = s.Serve(l) }()
	b.Cleanup(s.Stop)
	c, err := grpc.NewClient("unix://"+filepath.Join(dir, "s"), append(driver.DialOptions(), grpc.WithTransportCredentials(credentials.NewTLS(both)))...)
	require.NoError(b, err)
	b.Cleanup(func() { c.Close() })
	return c
}

func selfSigned(b *testing.B) ([]byte, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(b, err)
	t := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	require.NoError(b, err)
	return der, key
}
