// Package driverv1 holds the messages and stubs of engine.driver.v1, generated
// from proto/engine/driver/v1/driver.proto by buf; CI regenerates and compares
// them. What the calls promise stands in SPEC.md of package driver.
package driverv1
