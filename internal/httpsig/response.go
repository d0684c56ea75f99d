package httpsig

import (
	"fmt"
	"net/http"
	"time"

	"github.com/dunglas/httpsfv"
)

func boundToRequest() *httpsfv.Params {
	p := httpsfv.NewParams()
	p.Add("req", true)
	p.Add("key", Label)
	return p
}

func responseMessage(status int, h, asked http.Header) message {
	return message{status: status, header: h, asked: asked}
}

// SignResponse sets Content-Digest, Signature and Signature-Input on h, the header of an
// answer with this status and body to the signed request with header asked. Content-Type is
// set before.
func SignResponse(status int, h http.Header, body []byte, asked http.Header, signer Signer, now time.Time) error {
	h.Set("Content-Digest", ContentDigest(body))
	covered := innerList(responseComponents)
	covered.Items[len(covered.Items)-1].Params = boundToRequest()
	covered.Params.Add("created", now.Unix())
	covered.Params.Add("keyid", signer.KeyID)
	covered.Params.Add("alg", Algorithm)
	covered.Params.Add("tag", Tag)
	return attach(h, responseMessage(status, h, asked), covered, signer)
}

// VerifyResponse checks an answer with its whole body against the request with header asked.
// A receipt stays true when the clock moves on, so created is returned and not judged.
func VerifyResponse(status int, h http.Header, body []byte, asked http.Header, keys Keys) (Signature, error) {
	covered, raw, err := parse(h)
	if err != nil {
		return Signature{}, err
	}
	bound := map[string]*httpsfv.Params{"signature": boundToRequest()}
	if err := checkComponents(covered, responseComponents, bound); err != nil {
		return Signature{}, err
	}
	s, err := readParams(covered.Params, false)
	if err != nil {
		return Signature{}, err
	}
	s.HasBody = true
	if s.Digest, err = declaredDigest(h); err != nil {
		return Signature{}, err
	}
	if err := check(responseMessage(status, h, asked), covered, raw, s.KeyID, keys); err != nil {
		return Signature{}, fmt.Errorf("answer: %w", err)
	}
	return s, s.CheckBody(body)
}
