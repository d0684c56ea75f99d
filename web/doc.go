// Package web shows the job network in a browser: overview, providers, jobs with their
// timelines, queue, settlements, ledger, disputes and policy.
//
// It promises to change nothing, to read every number through the verbs that the HTTP
// interface answers with, to escape whatever members of the network wrote, and to work
// without scripts: a script refreshes what is on the page when an event comes, and draws
// charts of tables that are on it. A page asks no host but its own for anything, and its
// content security policy forbids everything else.
//
// It does not decide who may look; whoever mounts the handler does.
package web
