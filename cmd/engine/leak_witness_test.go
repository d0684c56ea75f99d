package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/vendors/mockqpu"
)

// crossing is one thing that reached a driver.
type crossing struct {
	Method   string              `json:"method"` // full gRPC method; "process" for arguments and environment
	Type     string              `json:"type"`   // of the message
	Body     []byte              `json:"body"`   // its bytes
	Metadata map[string][]string `json:"metadata"`
}

// witness is the driver mockqpu, which writes down everything that reaches it into
// crossed.jsonl in its cache folder: this program under the name witness.
func witness() {
	w := &recorderOfCrossings{}
	w.keep(crossing{Method: "process", Body: []byte(strings.Join(append(os.Args, os.Environ()...), "\n"))})
	driver.ServeConfig{Driver: mockqpu.New(time.Now), Options: []grpc.ServerOption{grpc.ChainUnaryInterceptor(w.unary), grpc.ChainStreamInterceptor(w.stream)}}.Serve()
}

type recorderOfCrossings struct {
	mu   sync.Mutex
	held []crossing // until the cache folder is known
	to   *os.File
}

func (w *recorderOfCrossings) keep(c crossing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, c)
	if w.to == nil {
		return
	}
	for _, c := range w.held {
		if err := json.NewEncoder(w.to).Encode(c); err != nil {
			panic(err)
		}
	}
	w.held = nil
}

func (w *recorderOfCrossings) message(ctx context.Context, method string, m any) {
	p, ok := m.(proto.Message)
	if !ok {
		panic("a message that is no protobuf")
	}
	b, err := proto.Marshal(p) // with the fields that the schema does not know
	if err != nil {
		panic(err)
	}
	if c, ok := m.(*driverv1.ConfigureRequest); ok {
		if w.to, err = os.Create(filepath.Join(c.CacheDir, "crossed.jsonl")); err != nil {
			panic(err)
		}
	}
	md, _ := metadata.FromIncomingContext(ctx)
	w.keep(crossing{method, string(p.ProtoReflect().Descriptor().FullName()), b, md})
}

func (w *recorderOfCrossings) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	w.message(ctx, info.FullMethod, req)
	return next(ctx, req)
}

func (w *recorderOfCrossings) stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	return next(srv, &heard{s, w, info.FullMethod})
}

type heard struct {
	grpc.ServerStream
	w      *recorderOfCrossings
	method string
}

func (h *heard) RecvMsg(m any) error {
	err := h.ServerStream.RecvMsg(m)
	if err == nil {
		h.w.message(h.Context(), h.method, m)
	}
	return err
}

// readCrossings reads what a witness wrote.
func readCrossings(name string) (out []crossing, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		var c crossing
		if err := json.Unmarshal(s.Bytes(), &c); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, s.Err()
}
