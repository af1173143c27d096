package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestHelp_OfACommand_HasItsOwnFlagsBeforeTheSettings(t *testing.T) {
	for command, own := range map[string][]string{
		"mail list":           {"--help", "--status", "--kind", "--limit", "--all", "--output"},
		"mail show m1":        {"--help", "--output"},
		"mail preview k":      {"--help", "--locale"},
		"users history a@b.c": {"--help", "--since", "--output"},
		"dead-letters retry":  {"--help", "--all", "--topic", "--reason"},
	} {
		var help strings.Builder
		parser, err := kong.New(&cli{}, kong.Name("countersign"), kong.Writers(&help, &help), kong.Exit(func(int) {}))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = parser.Parse(append(strings.Fields(command), "--help")) // what the command lacks is no matter
		ours, settings, found := strings.Cut(help.String(), "\nSettings:\n")
		for _, flag := range own {
			if !strings.Contains(ours, "  "+flag) && !strings.Contains(ours, ", "+flag) {
				t.Errorf("%s: %s does not stand before the settings", command, flag)
			}
		}
		if !found || strings.Contains(ours, "--http-addr") || !strings.Contains(settings, "--http-addr") || !strings.Contains(settings, "--log-format") {
			t.Errorf("%s: the settings do not stand by themselves:\n%s", command, ours)
		}
	}
}
