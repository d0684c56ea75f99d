// Package process starts driver processes: the file that was hashed is the file
// that runs, its walls are up before its first instruction, and it dies with the
// engine.
//
// On Linux the driver's file is copied into a sealed memfd while it is hashed. A
// launcher, which is the engine's own binary executed again, sets limits,
// no-new-privileges and landlock (the driver reads system libraries and its own
// folder, writes its cache and its socket's folder) and then executes the memfd.
// On other systems a private copy of the file runs without these walls, which the
// level says.
//
// The package does not promise to keep a driver from the network, which is its
// job, nor from using up processor time.
package process
