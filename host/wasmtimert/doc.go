// Package wasmtimert runs guests on wasmtime, as a second opinion beside
// wazero. Importing it in a build with the tag `wasmtime` (and cgo) registers the
// runtime "wasmtime"; in other builds the package is empty.
//
// It promises the features and imports of package wazerort and no more. It is an
// oracle for tests and never the default: the newest wasmtime that Go can bind
// (v44.0.0) lacks security fixes that later versions have.
package wasmtimert
