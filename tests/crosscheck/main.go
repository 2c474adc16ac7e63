// Checks a proof file of Détente with the note and tree code that Go's own module database uses.
//
//	crosscheck PROOF LOG_KEY COSIGNER_KEY
//
// Both keys are C2SP verifier keys. The exit status is 0 when the author's signature, the
// cosignature and the inclusion proof all hold, and 1 otherwise.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// cosigner verifies Ed25519 cosignatures (C2SP tlog-cosignature, type 0x04), which x/mod does not.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a verifier key")
	}
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(key) != 33 || key[0] != 0x04 {
		return nil, errors.New("not the key of an Ed25519 cosigner")
	}
	return &cosigner{parts[0], uint32(hash), key[1:]}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, msg)
	return ed25519.Verify(c.key, []byte(signed), sig[8:])
}

// leafOf takes the raw leaf out of our opening: a version byte, then the leaf behind its length.
func leafOf(extra []byte) ([]byte, error) {
	if len(extra) == 0 || extra[0] != 1 {
		return nil, errors.New("not our opening")
	}
	length, used := binary.Uvarint(extra[1:])
	if used <= 0 || length > uint64(len(extra)-1-used) {
		return nil, errors.New("opening cut short")
	}
	return extra[1+used : 1+used+int(length)], nil
}

func check(proof, logKey, cosignerKey string) error {
	head, checkpoint, found := strings.Cut(proof, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a proof")
	}
	decode := base64.StdEncoding.Strict().DecodeString
	extra, err := decode(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	leaf, err := leafOf(extra)
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	author, err := note.NewVerifier(logKey)
	if err != nil {
		return err
	}
	holder, err := newCosigner(cosignerKey)
	if err != nil {
		return err
	}
	opened, err := note.Open([]byte(checkpoint), note.VerifierList(author, holder))
	if err != nil {
		return err
	}
	if len(opened.Sigs) != 2 {
		return fmt.Errorf("%d of 2 signatures", len(opened.Sigs))
	}
	tree := strings.Split(opened.Text, "\n")
	if len(tree) != 4 || tree[0] != author.Name() {
		return errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(tree[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := tlog.ParseHash(tree[2])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, size, root, index, tlog.RecordHash(leaf))
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: crosscheck PROOF LOG_KEY COSIGNER_KEY")
		os.Exit(2)
	}
	proof, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = check(string(proof), os.Args[2], os.Args[3])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
