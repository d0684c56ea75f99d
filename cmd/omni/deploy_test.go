package main

import (
	"testing"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/deploytest"
)

var deployed = deploytest.Files{Program: "omni", Unit: "../../deploy/systemd/omni-aicf.service", Manifest: "../../deploy/k8s/service.yaml"}

// TestDeployedCommands: what the files of deploy/ start are verbs and flags of this program.
func TestDeployedCommands(t *testing.T) {
	deployed.Commands(t, func() *cobra.Command { return (&program{App: cli.New("omni")}).root() })
}

// TestUnit asks systemd about the unit where it is installed.
func TestUnit(t *testing.T) { deployed.Systemd(t) }
