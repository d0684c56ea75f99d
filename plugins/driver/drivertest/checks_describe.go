package drivertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

var (
	idForm     = regexp.MustCompile(`^[A-Za-z0-9._:-]+/[A-Za-z0-9._:-]+$`)
	semverForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+([-+].+)?$`)
)

var describeChecks = []check{
	{"describe", "describe-before-configure", 0, func(ctx context.Context, b *bench) error {
		p, err := b.start(ctx)
		if err != nil {
			return err
		}
		defer p.Stop(ctx, 0)
		_, err = p.Client().Describe(ctx)
		return err
	}},
	{"describe", "describe-stable", 0, func(ctx context.Context, b *bench) error {
		for range 3 {
			d, err := b.client().Describe(ctx)
			if err != nil {
				return err
			}
			if !proto.Equal(d, b.about) {
				return errors.New("the description changes between calls")
			}
		}
		return nil
	}},
	{"describe", "driver-id", 0, func(_ context.Context, b *bench) error {
		if !idForm.MatchString(b.about.Id) {
			return fmt.Errorf("the id %.130q is not vendor/name", b.about.Id)
		}
		return nil
	}},
	{"describe", "driver-version", 0, func(_ context.Context, b *bench) error {
		if !semverForm.MatchString(b.about.Version) {
			return fmt.Errorf("the version %.130q is not a semantic version", b.about.Version)
		}
		return nil
	}},
	{"describe", "features", 0, func(_ context.Context, b *bench) error {
		for i, f := range b.about.Features {
			if i > 0 && f <= b.about.Features[i-1] || f == 0 || driverv1.Feature_name[int32(f)] == "" {
				return fmt.Errorf("the features %v are not known ones in ascending order", b.about.Features)
			}
		}
		return nil
	}},
	{"describe", "device-ids", 0, func(_ context.Context, b *bench) error {
		ids := b.about.DeviceIds
		if len(ids) == 0 || !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
			return fmt.Errorf("the device ids %q are none, or not ascending", ids)
		}
		return nil
	}},
	{"describe", "config-schema", 0, func(_ context.Context, b *bench) error {
		var s map[string]any
		if err := json.Unmarshal(b.about.ConfigSchema, &s); err != nil {
			return fmt.Errorf("config_schema is not a JSON object: %w", err)
		}
		if s["type"] != "object" {
			return errors.New(`config_schema does not say "type": "object"`)
		}
		return nil
	}},
	{"describe", "secret-names", 0, func(_ context.Context, b *bench) error {
		if !slices.IsSorted(b.about.SecretNames) {
			return fmt.Errorf("the secret names %q are not ascending", b.about.SecretNames)
		}
		return nil
	}},
	{"describe", "vendor-api", 0, func(_ context.Context, b *bench) error {
		if b.about.VendorApi == "" {
			return errors.New("vendor_api is empty; name the interface and its date, or none")
		}
		return nil
	}},
}

// unconfigured runs f against a process before Configure.
func unconfigured(f func(context.Context, *bench, *driver.Client) error) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		p, err := b.start(ctx)
		if err != nil {
			return err
		}
		defer p.Stop(ctx, 0)
		return wantCode(f(ctx, b, p.Client()), driver.NotConfigured)
	}
}

// canary is a secret that must not be seen again.
const canary = "canary-7f3a9c51e8"

var configureChecks = []check{
	{"configure", "device-before-configure", 0, unconfigured(func(ctx context.Context, b *bench, c *driver.Client) error {
		_, err := c.Device(ctx, b.device.Id)
		return err
	})},
	{"configure", "submit-before-configure", 0, unconfigured(func(ctx context.Context, b *bench, c *driver.Client) error {
		_, err := c.Submit(ctx, b.submission(newProgram(1).number(0)))
		return err
	})},
	{"configure", "get-before-configure", 0, unconfigured(func(ctx context.Context, _ *bench, c *driver.Client) error {
		_, err := c.Get(ctx, "x", 0)
		return err
	})},
	{"configure", "unknown-member", 0, func(ctx context.Context, b *bench) error {
		var m map[string]any
		if err := json.Unmarshal(b.o.Config, &m); err != nil {
			return skip("the configuration is not an object")
		}
		m["no_such_member"] = 1
		text, err := json.Marshal(m)
		if err != nil {
			return err
		}
		_, err = b.client().Configure(ctx, &driver.Config{JSON: text, Secrets: b.o.Secrets, CacheDir: b.o.Spec.CacheDir, Dev: true})
		if e := wantCode(err, driver.ConfigInvalid); e != nil {
			return e
		}
		if !strings.Contains(err.Error(), "no_such_member") {
			return fmt.Errorf("the refusal does not name the member: %w", err)
		}
		return nil
	}},
	{"configure", "not-json", 0, func(ctx context.Context, b *bench) error {
		_, err := b.client().Configure(ctx, &driver.Config{JSON: []byte("{"), Secrets: b.o.Secrets, CacheDir: b.o.Spec.CacheDir})
		return wantCode(err, driver.ConfigInvalid)
	}},
	{"configure", "refusal-keeps-the-old", 0, func(ctx context.Context, b *bench) error {
		if _, err := b.client().Configure(ctx, &driver.Config{JSON: []byte("[1]"), Secrets: b.o.Secrets, CacheDir: b.o.Spec.CacheDir}); err == nil {
			return errors.New("a list was accepted")
		}
		_, err := b.client().Device(ctx, b.device.Id)
		return err
	}},
	{"configure", "hot-reload", 0, func(ctx context.Context, b *bench) error {
		for range 2 {
			if _, err := b.client().Configure(ctx, b.config()); err != nil {
				return err
			}
		}
		_, err := b.client().Device(ctx, b.device.Id)
		return err
	}},
	{"configure", "secrets-stay-secret", 0, func(ctx context.Context, b *bench) error {
		p, err := b.start(ctx)
		if err != nil {
			return err
		}
		defer p.Stop(ctx, 0)
		cfg := b.config()
		cfg.Secrets = map[string]string{}
		for _, n := range b.about.SecretNames {
			cfg.Secrets[n] = canary
		}
		said := ""
		if _, err := p.Client().Configure(ctx, cfg); err != nil {
			said = err.Error()
		}
		if _, err := p.Client().Submit(ctx, b.submission(newProgram(1).number(1))); err != nil {
			said += err.Error()
		}
		if d, err := p.Client().Device(ctx, b.device.Id); err == nil {
			said += d.String()
		}
		if err := p.Stop(ctx, 0); err != nil {
			return err
		}
		if strings.Contains(said, canary) {
			return errors.New("a secret stands in an answer")
		}
		if strings.Contains(p.Report().Stderr, canary) {
			return errors.New("a secret stands in the log")
		}
		return nil
	}},
}
