package e2e

// docker-compose.yml, where there is no container engine:
//   - it is what the compose specification's own library takes for valid;
//   - what it wires is what the design says, in settings that the binary knows;
//   - its roles, started natively with its commands, its environment and its
//     health checks, only the addresses replaced, register and verify.

import (
	"context"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"countersign/app"
)

func compose(ctx context.Context, env types.Mapping) (*types.Project, error) {
	content, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		return nil, err
	}
	return loader.LoadWithContext(ctx, types.ConfigDetails{
		WorkingDir:  "..",
		ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: content}},
		Environment: env,
	})
}

func composed(t *testing.T) *types.Project {
	t.Helper()
	project, err := compose(t.Context(), types.Mapping{"COUNTERSIGN_SECRETS": secrets})
	check(t, err)
	return project
}

func TestCompose_WithoutSecrets_SaysHowToMakeSome(t *testing.T) {
	if _, err := compose(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "countersign secret") {
		t.Errorf("without secrets: %v", err)
	}
}

func TestCompose_HasEveryService_AsOftenAsTheDesignSays(t *testing.T) {
	got := map[string]int{}
	for name, service := range composed(t).Services {
		got[name] = service.GetScale()
		if service.HealthCheck == nil || len(service.HealthCheck.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
		_, tag, _ := strings.Cut(service.Image, ":")
		if service.Build == nil && (tag == "" || tag == "latest") {
			t.Errorf("%s takes whatever %s is today", name, service.Image)
		}
	}
	want := map[string]int{"kafka": 1, "mailpit": 1, "api": 1, "users": 2, "notifier": 1}
	if !maps.Equal(got, want) {
		t.Errorf("services %v, want %v", got, want)
	}
}

func TestCompose_StartsInOrderByHealth(t *testing.T) {
	services := composed(t).Services
	for role, before := range map[string][]string{
		"users":    {"kafka"},
		"notifier": {"kafka", "mailpit", "users"},
		"api":      {"kafka", "notifier", "users"},
	} {
		if got := slices.Sorted(maps.Keys(services[role].DependsOn)); !slices.Equal(got, before) {
			t.Errorf("%s waits for %v, want %v", role, got, before)
		}
		for name, dependency := range services[role].DependsOn {
			if dependency.Condition != types.ServiceConditionHealthy {
				t.Errorf("%s waits until %s is %s", role, name, dependency.Condition)
			}
		}
	}
}

func TestCompose_SetsOnlyWhatTheBinaryKnows(t *testing.T) {
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[app.Settings]()) {
		known[field.Tag.Get("env")] = true
	}
	for name, service := range roles(t) {
		for setting := range service.Environment {
			if !known[setting] {
				t.Errorf("%s: %s is no setting", name, setting)
			}
		}
		if _, has := service.Environment["COUNTERSIGN_SECRETS"]; has != (name != "users") {
			t.Errorf("%s has the secrets: %t", name, has)
		}
		// A folder that two instances shared would be one too few.
		if len(service.Volumes) != 1 || service.Volumes[0].Source != "" || service.Volumes[0].Target != *service.Environment["STATE_DIR"] {
			t.Errorf("%s keeps its state in %+v", name, service.Volumes)
		}
	}
}

func TestCompose_PassesEverySettingOfTheMails_WithItsDefault(t *testing.T) {
	notifier := roles(t)["notifier"].Environment
	set, err := compose(t.Context(), types.Mapping{"COUNTERSIGN_SECRETS": secrets, "SMTP_URL": "smtps://relay.example.com", "MAIL_COLOR": "#000000"})
	check(t, err)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[app.Settings]()) {
		name := field.Tag.Get("env")
		if !strings.HasPrefix(name, "SMTP_") && !strings.HasPrefix(name, "MAIL_") && name != "TEMPLATE_DIR" || name == "MAIL_INTERVAL_SECONDS" {
			continue // the interval is the api's
		}
		value, found := notifier[name]
		if !found {
			t.Errorf("%s is not passed", name)
			continue
		}
		if usual := field.Tag.Get("default"); *value != usual && name != "SMTP_URL" && name != "SMTP_INSECURE" && name != "MAIL_FROM" {
			t.Errorf("%s is %q, its default is %q", name, *value, usual)
		}
		want := map[string]string{"SMTP_URL": "smtps://relay.example.com", "MAIL_COLOR": "#000000"}[name]
		if got := *set.Services["notifier"].Environment[name]; want != "" && got != want {
			t.Errorf("%s is set to %s, and the notifier has %s", name, want, got)
		}
	}
}

func TestCompose_SpeaksInClear_ToItsMailCatcherAlone(t *testing.T) {
	const relay = "smtp://user:pass@relay.example.com:587"
	for _, c := range []struct {
		url, insecure string // as they are set
		to, inClearTo string // as the notifier has them
	}{
		{"", "", "smtp://mailpit:1025", "mailpit"},
		{"", "false", "smtp://mailpit:1025", "false"},
		{relay, "", relay, "mailpit"},
		{relay, "true", relay, "true"},
		{relay, "false", relay, "false"},
		{relay, "relay.example.com", relay, "relay.example.com"},
	} {
		project, err := compose(t.Context(), types.Mapping{"COUNTERSIGN_SECRETS": secrets, "SMTP_URL": c.url, "SMTP_INSECURE": c.insecure})
		check(t, err)
		env := project.Services["notifier"].Environment
		if to, inClearTo := *env["SMTP_URL"], *env["SMTP_INSECURE"]; to != c.to || inClearTo != c.inClearTo {
			t.Errorf("SMTP_URL=%s SMTP_INSECURE=%s: the notifier has %s and %s", c.url, c.insecure, to, inClearTo)
		}
	}
}

// roles returns the services that are built from this repository.
func roles(t *testing.T) map[string]types.ServiceConfig {
	t.Helper()
	built := map[string]types.ServiceConfig{}
	for name, service := range composed(t).Services {
		if service.Build != nil {
			built[name] = service
		}
	}
	return built
}

func TestCompose_ItsWiringRunNatively_RegistersAndVerifies(t *testing.T) {
	onRealKafka(t)
	mails := newMailbox(t)
	mails.open(t)
	s := &system{mails: mails, brokers: brokers()}
	native := strings.NewReplacer("kafka:9092", brokerList(), "smtp://mailpit:1025", mails.url)
	services := roles(t)
	for _, name := range inOrder(services) {
		service := services[name]
		for range service.GetScale() {
			env := map[string]string{}
			for setting, value := range service.Environment {
				env[setting] = native.Replace(*value)
			}
			// Containers have addresses and folders of their own; here they are made up.
			for _, own := range []string{"HTTP_ADDR", "INTERNAL_ADDR", "STATE_DIR"} {
				delete(env, own)
			}
			p := newProcess(t, env, service.Command...).start(t)
			if name == "api" {
				s.apis = append(s.apis, p)
			}
			awaitHealthy(t, p, service.HealthCheck.Test)
		}
	}
	check(t, newPerson(0).proves(t.Context(), s))
}

// awaitHealthy asks as the container engine would: by the health check's command.
func awaitHealthy(t *testing.T, p *process, test []string) {
	t.Helper()
	if len(test) < 2 || test[0] != "CMD" || test[1] != "/countersign" {
		t.Fatalf("%s: the health check is %v", p.name, test)
	}
	var said string
	if !eventually(t.Context(), readyWithin, func() bool {
		probe := newProcess(t, p.env, test[2:]...).start(t)
		code, output := probe.end(t)
		said = output
		return code == 0
	}) {
		t.Fatalf("%s is not healthy: %s", p.name, said)
	}
}

// inOrder lists the services so that each comes after those it waits for.
func inOrder(services map[string]types.ServiceConfig) (order []string) {
	for len(order) < len(services) {
		for _, name := range slices.Sorted(maps.Keys(services)) {
			waits := slices.ContainsFunc(services[name].GetDependencies(), func(other string) bool {
				_, ours := services[other]
				return ours && !slices.Contains(order, other)
			})
			if !waits && !slices.Contains(order, name) {
				order = append(order, name)
			}
		}
	}
	return order
}
