package e2e

import (
	"os/exec"
	"syscall"
)

// endWithUs has the kernel kill a process when the tests end without stopping it: by a panic, a timeout, kill -9.
func endWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
