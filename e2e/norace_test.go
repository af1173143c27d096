//go:build !race

package e2e

// raceDetector says that the tests, and so the binaries, are built with it.
const raceDetector = false
