// Package venv makes and checks the Python environment of a driver.
//
// It promises that an environment holds wheels alone, each of a file whose SHA-256
// stands in the requirements (nothing is built, nothing is run to install it), that
// an environment that Open returns has the very files that were installed, and that
// one that was left half made is made anew.
//
// It does not make an interpreter: that is the operator's. Who can write the
// environment's folder can write its record too.
package venv
