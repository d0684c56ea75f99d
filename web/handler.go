package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
)

// Root is where the pages are: mount the handler at "GET /ui/".
const Root = "/ui/"

// policy is the content security policy of every page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Config makes the pages. Network and Now are needed.
type Config struct {
	Network *network.Service
	Now     func() time.Time // the service's clock
	Log     *slog.Logger     // nil: silent
}

//go:embed pages static
var files embed.FS

// site serves the pages.
type site struct {
	Config
	pages  map[string]*template.Template
	assets map[string]asset
}

type asset struct {
	kind, tag string
	body      []byte
}

var kinds = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8"}

// view is what a template is filled with.
type view struct {
	Title string
	Path  string // of the section, for the navigation
	Now   int64  // service's clock, ms
	Head  uint64 // the newest event that the page knows
	Types string // events that change the page
	Every int64  // ms after which a page without an event log asks again
	Data  any
}

// New makes the handler of everything below Root.
func New(cfg Config) http.Handler {
	s := newSite(cfg)
	mux := http.NewServeMux()
	for pattern, p := range sections {
		mux.HandleFunc("GET "+Root+pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, p) })
	}
	mux.HandleFunc("GET "+Root+"static/{name}", s.static)
	mux.HandleFunc("GET "+Root, func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, aicf.Refuse(aicf.NotFound, "there is no page %.200s", r.URL.Path))
	})
	return mux
}

func newSite(cfg Config) *site {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &site{Config: cfg, pages: map[string]*template.Template{}, assets: map[string]asset{}}
	s.parse()
	return s
}

// parse reads templates and assets; they are part of the program.
func (s *site) parse() {
	layout := template.Must(template.New("layout").Funcs(functions).ParseFS(files, "pages/layout.html", "pages/parts.html"))
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		panic("web: " + err.Error())
	}
	for _, name := range names {
		short := strings.TrimSuffix(strings.TrimPrefix(name, "pages/"), ".html")
		if short != "layout" && short != "parts" {
			s.pages[short] = template.Must(template.Must(layout.Clone()).ParseFS(files, name))
		}
	}
	list, err := fs.ReadDir(files, "static")
	if err != nil {
		panic("web: " + err.Error())
	}
	for _, f := range list {
		body, err := fs.ReadFile(files, "static/"+f.Name())
		if err != nil {
			panic("web: " + err.Error())
		}
		sum := sha256.Sum256(body)
		s.assets[f.Name()] = asset{kinds[f.Name()[strings.LastIndexByte(f.Name(), '.'):]], `"` + hex.EncodeToString(sum[:8]) + `"`, body}
	}
}

func (s *site) static(w http.ResponseWriter, r *http.Request) {
	a, known := s.assets[r.PathValue("name")]
	if !known {
		s.fail(w, r, aicf.Refuse(aicf.NotFound, "there is no file %.100q", r.PathValue("name")))
		return
	}
	h := w.Header()
	guard(h)
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache") // asked again, answered by 304
	h.Set("ETag", a.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}

func guard(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// serve fills one page.
func (s *site) serve(w http.ResponseWriter, r *http.Request, p section) {
	head, err := s.head(r.Context()) // before the numbers: an event in between is shown twice, never missed
	v := &view{Path: p.path, Title: p.title, Now: s.Now().UnixMilli(), Head: head, Types: p.types}
	if err == nil {
		v.Data, err = p.fill(s, r, v)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.write(w, http.StatusOK, p.template, v)
}

func (s *site) head(ctx context.Context) (uint64, error) {
	st, err := s.Network.Status(ctx)
	if err != nil {
		return 0, err
	}
	return st.Events, nil
}

func (s *site) write(w http.ResponseWriter, status int, name string, v *view) {
	var b bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&b, "layout", v); err != nil {
		s.Log.Error("page", "name", name, "error", err)
		http.Error(w, "the page cannot be shown; the service's log has the cause", http.StatusInternalServerError)
		return
	}
	guard(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader may have gone
}

// fail shows a refusal; what is no refusal is the operator's business.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	var f *aicf.Fault
	if !errors.As(err, &f) {
		if r.Context().Err() == nil {
			s.Log.Error("page", "path", r.URL.Path, "error", err)
		}
		f = &aicf.Fault{Code: "InternalError", Message: "the service failed; its log has the cause"}
	}
	s.write(w, f.Code.Status(), "error", &view{Title: string(f.Code), Now: s.Now().UnixMilli(), Data: f})
}
