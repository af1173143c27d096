package e2e

// The built binary against what it says of itself: schemathesis, which no one here wrote, makes requests of both
// descriptions, good ones and bad ones, and checks every answer.

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"countersign/topics"
)

func TestOpenAPI(t *testing.T) {
	python := os.Getenv("SCHEMATHESIS")
	if python == "" {
		t.Skip("needs schemathesis: make test-openapi")
	}
	const authorization = "Bearer " + operatorToken
	s := start(t, map[string]string{"OPERATOR_TOKEN": operatorToken, "INTERNAL_TOKEN": "the reader's token", "RATE_LIMIT": "off"})
	s.misplace(t, topics.UserAccountDeleted, newPerson(0).address, []byte("no JSON"))
	node := s.api(0)
	for name, url := range map[string]string{"Public": node.public(""), "Internal": node.internal("")} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, python, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml",
				"run", url+"/openapi.json", "--url", url, "--no-color", "--header", "Authorization: "+authorization)
			endWithUs(cmd)
			cmd.Dir, cmd.Env = "schemathesis", append(os.Environ(), "PUBLIC="+node.public(""), "INTERNAL="+node.internal(""), "AUTHORIZATION="+authorization)
			cmd.WaitDelay = stopWithin
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("schemathesis: %v", err)
			}
			t.Log(strings.TrimSpace(string(out)))
		})
	}
}
