// qx1.h: everything a WebAssembly guest in freestanding C needs to speak ABI
// qx1 (../../SPEC.md). One translation unit per module includes it; there is no
// library, no allocator export, no floating point, no start function.
//
// Compile with clang --target=wasm32 -ffreestanding -nostdlib -mbulk-memory -c
// and link with wasm-ld --no-entry; see plugins/build.sh.
//
// It promises that a function that can fail has called qx1.fail before it
// returns a non-zero code, so that an export can return that code as it is. It
// does not promise isolation between calls of one instance: begin every export
// with qx_reset().
#ifndef QX1_H
#define QX1_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;

#define QX_IMPORT(name) __attribute__((import_module("qx1"), import_name(name)))
#define QX_EXPORT(name) __attribute__((export_name(name), used))

QX_IMPORT("in_len") i64 qx_in_len(i32 stream);
QX_IMPORT("in_read") i32 qx_in_read(i32 stream, i64 off, void *ptr, i32 len);
QX_IMPORT("out_write") i32 qx_out_write(i32 stream, const void *ptr, i32 len);
QX_IMPORT("fail") void qx_fail_import(i32 code, const void *ptr, i32 len);
QX_IMPORT("log") void qx_log_import(i32 level, const void *ptr, i32 len);

// Streams and message kinds.
enum { QX_HEADER = 0, QX_CIRCUIT = 1, QX_PLAN = 2, QX_TARGET = 2, QX_HIDDEN = 3, QX_OUTCOMES = 4, QX_ROOT = 5, QX_RESULT = 16, QX_SECRET = 17 };
enum { QX_KIND_CIRCUIT = 1, QX_KIND_TARGET = 2, QX_KIND_LAYERED = 4, QX_KIND_PLAN = 5, QX_KIND_ROWS = 6, QX_KIND_HIDDEN = 7, QX_KIND_OUTCOMES = 8, QX_KIND_VERDICT = 9, QX_KIND_AUDIT = 10 };

// Codes of domain errors.
enum { QX_BAD_INPUT = 1, QX_TOO_LARGE = 2, QX_UNSUPPORTED = 3, QX_HOST = 4 };

#define QX_MAX_WIDTH 4096u
#define QX_MAX_LAYERS 65536u
#define QX_NO_CLBIT 0xffffffffu

// --- failures ----------------------------------------------------------------

// The message of a failure is built from pieces: text and numbers.
static char qx_text[512];
static u32 qx_text_len;

static void qx_say(const char *s) {
	while (*s && qx_text_len < sizeof qx_text)
		qx_text[qx_text_len++] = *s++;
}

static void qx_say_num(u64 n) {
	char d[20];
	u32 k = 0;
	do
		d[k++] = (char)('0' + n % 10);
	while (n /= 10);
	while (k > 0 && qx_text_len < sizeof qx_text)
		qx_text[qx_text_len++] = d[--k];
}

// qx_fail reports what was said, then s, and returns code.
static i32 qx_fail(i32 code, const char *s) {
	qx_say(s);
	qx_fail_import(code, qx_text, (i32)qx_text_len);
	qx_text_len = 0;
	return code;
}

// qx_log writes a line for debugging; hosts drop it in consensus mode.
static void qx_log(i32 level, const char *s) {
	u32 n = 0;
	while (s[n])
		n++;
	qx_log_import(level, s, (i32)n);
}

// --- memory ------------------------------------------------------------------

extern u8 __heap_base;
static u32 qx_top; // first free byte

#define QX_PAGE 65536u

static void qx_reset(void) {
	qx_top = ((u32)&__heap_base + 15) & ~15u;
	qx_text_len = 0;
}

// qx_alloc returns n bytes aligned to 16, contents undefined, or 0 after a
// failure was reported. There is no free; save qx_top and set it back.
static void *qx_alloc(u64 n) {
	u64 end = (u64)qx_top + ((n + 15) & ~15ull);
	u64 have = (u64)__builtin_wasm_memory_size(0) * QX_PAGE;
	if (n > 0x7fffffffull || (end > have && __builtin_wasm_memory_grow(0, (u32)((end - have + QX_PAGE - 1) / QX_PAGE)) == (u32)-1)) {
		qx_say("out of memory: ");
		qx_say_num(n);
		qx_fail(QX_TOO_LARGE, " bytes do not fit the module's limit");
		return 0;
	}
	void *p = (void *)(unsigned long)qx_top;
	qx_top = (u32)end;
	return p;
}

static void qx_zero(void *p, u32 n) { __builtin_memset(p, 0, n); }

// --- reading messages ----------------------------------------------------------

typedef struct {
	u32 id, elem; // as expected
	u64 off, len; // bytes, in the stream
} qx_section;

typedef struct {
	i32 stream;
	u64 items;
	u32 n;
	qx_section s[8];
} qx_message;

static i32 qx_read(i32 stream, u64 off, void *p, u64 n) {
	u8 *b = p;
	while (n > 0) {
		i32 step = n > 0x40000000ull ? 0x40000000 : (i32)n;
		if (qx_in_read(stream, (i64)off, b, step) != step) {
			qx_say("stream ");
			qx_say_num((u64)stream);
			return qx_fail(QX_BAD_INPUT, " is missing or short");
		}
		off += (u64)step, b += step, n -= (u64)step;
	}
	return 0;
}

static i32 qx_malformed(i32 stream, const char *what) {
	qx_say("stream ");
	qx_say_num((u64)stream);
	qx_say(": malformed message: ");
	return qx_fail(QX_BAD_INPUT, what);
}

// qx_open checks the form of a message: kind, and exactly the n sections named by
// pairs id, element size, in the one encoding.
static i32 qx_open(qx_message *m, i32 stream, u32 kind, u32 n, const u8 *want) {
	u64 head[4 + 3 * 8];
	i64 total = qx_in_len(stream);
	u64 off = 32 + 24 * (u64)n;
	if (total < (i64)off || n > 8)
		return qx_malformed(stream, "too short");
	if (qx_read(stream, 0, head, off))
		return QX_BAD_INPUT;
	const u8 *b = (const u8 *)head;
	const u32 *w = (const u32 *)head;
	u64 items;
	__builtin_memcpy(&items, b + 12, 8);
	if (w[0] != 0x31465851u || w[1] != (kind | 1u << 16) || w[2] != 0 || w[5] != n || w[6] != 0 || w[7] != 0)
		return qx_malformed(stream, "header");
	m->stream = stream, m->items = items, m->n = n;
	for (u32 i = 0; i < n; i++) {
		const u64 *e = head + 4 + 3 * i;
		u64 len = e[2], pad = -len & 7, zero = 0;
		if (e[0] != ((u64)want[2 * i] | (u64)want[2 * i + 1] << 16) || len % want[2 * i + 1] != 0 || e[1] != off || off > (u64)total || len > (u64)total - off)
			return qx_malformed(stream, "section table");
		m->s[i].id = want[2 * i], m->s[i].elem = want[2 * i + 1], m->s[i].off = off, m->s[i].len = len;
		if (len + pad > (u64)total - off)
			return qx_malformed(stream, "padding is missing");
		if (pad && qx_read(stream, off + len, &zero, pad))
			return QX_BAD_INPUT;
		if (zero)
			return qx_malformed(stream, "padding is not zero");
		off += len + pad;
	}
	return off == (u64)total ? 0 : qx_malformed(stream, "bytes behind the last section");
}

// qx_count checks that section k has n elements.
static i32 qx_count(const qx_message *m, u32 k, u64 n) {
	return m->s[k].len == n * m->s[k].elem ? 0 : qx_malformed(m->stream, "a section has another number of elements");
}

// qx_load reads a whole section into new memory; 0 after a failure.
static void *qx_load(const qx_message *m, u32 k) {
	void *p = qx_alloc(m->s[k].len);
	return p && !qx_read(m->stream, m->s[k].off, p, m->s[k].len) ? p : 0;
}

// --- writing messages ----------------------------------------------------------

#define QX_CHUNK 65536u

// A qx_writer collects at least QX_CHUNK bytes per call of the host.
typedef struct {
	i32 stream, err;
	u32 fill;
	u64 at; // bytes of the message so far
	u8 buf[QX_CHUNK];
} qx_writer;

static void qx_flush(qx_writer *w) {
	if (w->fill && !w->err && qx_out_write(w->stream, w->buf, (i32)w->fill) != (i32)w->fill)
		w->err = qx_fail(QX_HOST, "the host refused output: output limit");
	w->fill = 0;
}

static void qx_put(qx_writer *w, const void *p, u32 n) {
	const u8 *b = p;
	w->at += n;
	if (n >= QX_CHUNK) {
		qx_flush(w);
		if (!w->err && qx_out_write(w->stream, b, (i32)n) != (i32)n)
			w->err = qx_fail(QX_HOST, "the host refused output: output limit");
		return;
	}
	if (w->fill + n > QX_CHUNK) {
		u32 part = QX_CHUNK - w->fill;
		__builtin_memcpy(w->buf + w->fill, b, part);
		w->fill = QX_CHUNK, b += part, n -= part;
		qx_flush(w);
	}
	__builtin_memcpy(w->buf + w->fill, b, n);
	w->fill += n;
}

// qx_pad ends a section.
static void qx_pad(qx_writer *w) {
	u64 zero = 0;
	qx_put(w, &zero, (u32)(-w->at & 7));
}

// qx_begin starts a message of n sections of lens bytes; want as in qx_open.
static void qx_begin(qx_writer *w, i32 stream, u32 kind, u64 items, u32 n, const u8 *want, const u64 *lens) {
	u32 head[8] = {0x31465851u, kind | 1u << 16, 0, (u32)items, (u32)(items >> 32), n, 0, 0};
	u64 off = 32 + 24 * (u64)n;
	w->stream = stream, w->err = 0, w->fill = 0, w->at = 0;
	qx_put(w, head, 32);
	for (u32 i = 0; i < n; i++) {
		u64 e[3] = {(u64)want[2 * i] | (u64)want[2 * i + 1] << 16, off, lens[i]};
		qx_put(w, e, 24);
		off = (off + lens[i] + 7) & ~7ull;
	}
}

// qx_end sends the rest and returns the export's result.
static i32 qx_end(qx_writer *w) {
	qx_flush(w);
	return w->err;
}

// qx_manifest answers qx_describe.
static i32 qx_manifest(const char *text) {
	u32 n = 0;
	while (text[n])
		n++;
	return qx_out_write(QX_RESULT, text, (i32)n) == (i32)n ? 0 : qx_fail(QX_HOST, "the host refused output: output limit");
}

#endif
