//go:build !unix

package main

import "os"

// lockWhole locks nothing here: the control socket alone keeps two providers apart.
func lockWhole(*os.File) error { return nil }
