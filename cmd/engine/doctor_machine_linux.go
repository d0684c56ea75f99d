package main

import (
	"golang.org/x/sys/unix"

	"github.com/animicaorg/engine/plugins/driver/process"
)

// hideAndLook hides this process's memory and reads the kernel's word for it.
func hideAndLook() (hidden, known bool) {
	if err := process.Hide(); err != nil {
		return false, true
	}
	n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	return err == nil && n == 0, true
}

// clockSynced is the kernel's opinion of the clock (adjtimex(2), STA_UNSYNC).
func clockSynced() (synced, known bool) {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return false, false
	}
	return t.Status&unix.STA_UNSYNC == 0, true
}
