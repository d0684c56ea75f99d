package devnet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"path/filepath"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/keys"
)

// member is a provider of the network.
type member struct {
	agent *agent.Agent
	own   *client.Client
	held  *keys.Held
}

// join registers a provider, stakes and sends the first heartbeat. Its keys and its journal
// lie under its name; x is completed.
func (n *Net) join(ctx context.Context, name string, x *executor) (*member, error) {
	s, err := keys.Open(filepath.Join(n.cfg.Dir, "keys", name))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	m, now := &member{}, uint64(n.now().Unix())
	if m.held, _, err = s.Ensure(rand.Reader, now); err != nil {
		return nil, err
	}
	bundle, err := m.bundle(ctx, s, now)
	if err != nil {
		return nil, err
	}
	if m.own, err = n.connect(ctx, m.held.Operational); err != nil {
		return nil, err
	}
	if err := n.grant(ctx, m.held.ProviderID); err != nil {
		return nil, err
	}
	x.host, x.held, x.version, x.now, x.pass = n.cfg.Host, m.held, n.cfg.Version, n.now, n.pass
	m.agent, err = agent.New(ctx, agent.Config{Client: m.own, Held: m.held, Bundle: bundle, Dir: filepath.Join(n.cfg.Dir, name), Now: n.now, Log: n.cfg.Log,
		Executor: x, Capacity: x.capacity, Version: n.cfg.Version})
	if err != nil {
		return nil, err
	}
	n.close = append(n.close, m.agent.Close)
	if err := m.agent.Join(ctx); err != nil {
		return nil, err
	}
	_, err = m.agent.Beat(ctx)
	return m, err
}

// bundle is the provider bundle that registers the member.
func (m *member) bundle(ctx context.Context, s *keys.Store, now uint64) ([]byte, error) {
	root, err := s.Key(keys.Root)
	if err != nil {
		return nil, err
	}
	id, err := keys.NewIdentity(ctx, root, "devnet@localhost", []string{"quantum"}, now)
	if err != nil {
		return nil, err
	}
	b := &keys.Bundle{Identity: id, Regions: []string{"local"}, Keys: []*keys.KeyStatement{m.held.Statement}}
	for _, g := range circuit.Generators() {
		b.Algorithms = append(b.Algorithms, g.ID)
	}
	if err := b.Sign(ctx, root, now); err != nil {
		return nil, err
	}
	return json.Marshal(b)
}
