//go:build !(linux || darwin || freebsd)

package main

func freeBytes(string) (n uint64, known bool) { return 0, false }

func diskBytes(string) (free, all uint64, known bool) { return 0, 0, false }

func mayWrite(string) error { return nil }

func fileLimit() (n uint64, known bool) { return 0, false }
