//go:build race

package stream

// raceDetector says that the tests are built with it.
const raceDetector = true
