package penalty

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/economics"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// A policy with clawback takes a penalty in stages. All of it is held when it is proposed and
// comes back with one appeal; when the appeal window is over the stage of block 0 is taken, and
// each later one stays held for its blocks, as a proposal of its own that nobody can appeal.

// stageDocument is the evidence of a stage: the proposal that it is a part of.
type stageDocument struct {
	Of    digest.Digest `json:"stage_of"`
	Stage int           `json:"stage"`
	Count int           `json:"stages"`
}

const stageMark = `{"stage_of":`

// staged reports whether the row is a stage of another.
func (s *Row) staged() bool { return strings.HasPrefix(s.Document, stageMark) }

// divide leaves in the row what is due now and makes rows of the rest. Under a policy without
// clawback, and for a stage itself, it changes nothing.
func (s *Row) divide(t *store.Tx, term *epoch.Term) error {
	claw := term.Policy.Slashing.Clawback
	if !claw.Enabled || s.staged() {
		return nil
	}
	ppb := make([]uint64, len(claw.Fractions))
	for i, f := range claw.Fractions {
		ppb[i] = uint64(f)
	}
	parts, err := economics.Stages(uint64(s.Amount), ppb)
	if err != nil {
		return err
	}
	now := aicf.Amount(0)
	for i, part := range parts {
		if claw.ScheduleBlocks[i] == 0 {
			now += aicf.Amount(part)
		}
	}
	bonded := s.FromBonded // handed out in the order of the stages
	take := func(amount aicf.Amount) aicf.Amount {
		part := min(bonded, amount)
		bonded -= part
		return part
	}
	whole := s.Amount
	s.Amount, s.FromBonded = now, take(now)
	if _, err := t.Exec("UPDATE slash SET amount = ?, from_bonded = ? WHERE id = ? AND amount = ?", s.Amount, s.FromBonded, s.ID, whole); err != nil {
		return err
	}
	for i, part := range parts {
		if claw.ScheduleBlocks[i] == 0 || part == 0 {
			continue
		}
		if err := s.later(t, term, i, len(parts), aicf.Amount(part), take(aicf.Amount(part)), claw.ScheduleBlocks[i]); err != nil {
			return err
		}
	}
	return nil
}

// later writes a stage that is taken after some blocks.
func (s *Row) later(t *store.Tx, term *epoch.Term, i, of int, amount, bonded aicf.Amount, blocks uint64) error {
	doc, err := json.Marshal(stageDocument{Of: s.ID, Stage: i + 1, Count: of})
	if err != nil {
		return err
	}
	part := &Row{Provider: s.Provider, Reporter: s.Reporter, Reason: s.Reason, Evidence: digest.Sum(doc), Document: string(doc), Amount: amount, FromBonded: bonded,
		State: aicf.SlashHeld, Epoch: s.Epoch, AppealTill: term.Round + blocks - 1, ProposedMS: t.NowMS()}
	if part.ID, err = ID(term.ChainID, part.Provider, part.Reason, part.Evidence); err != nil {
		return err
	}
	part.Seq = t.Seq()
	if err := store.Insert(t, part); err != nil {
		return err
	}
	t.Became("slash", part.ID, string(part.State))
	_, err = t.Append(part.note(aicf.EvSlashStaged, map[string]any{"slash": part.ID, "of": s.ID, "stage": i + 1, "stages": of, "amount": amount, "taken_after_round": part.AppealTill}))
	return err
}

// appealable refuses stages: what they rest on has had its appeal.
func (s *Row) appealable() error {
	if !s.staged() {
		return nil
	}
	var doc stageDocument
	if err := json.Unmarshal([]byte(s.Document), &doc); err != nil {
		return fmt.Errorf("slash %s: %w", s.ID, err)
	}
	return aicf.Refuse(aicf.Conflict, "slash %s is stage %d of %d of slash %s, whose appeal window is over", s.ID, doc.Stage, doc.Count, doc.Of)
}
