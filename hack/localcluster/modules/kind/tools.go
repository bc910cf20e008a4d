//go:build tools

// Package tools names the commands that the local cluster builds, so that
// go.mod and go.sum cover exactly them.
package tools

import (
	_ "sigs.k8s.io/kind"
)
