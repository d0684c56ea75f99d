package plot

import (
	"bytes"
	"fmt"
)

const pageStyle = `body{margin:24px auto;max-width:960px;font:14px system-ui,sans-serif;color:#1b1f24;background:#fff}` +
	`svg{max-width:100%;height:auto}table{border-collapse:collapse;font:12px ui-monospace,monospace;margin-top:16px}` +
	`th,td{padding:2px 12px 2px 0;text-align:right}th:first-child,td:first-child{text-align:left;word-break:break-all}` +
	`@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#14181d}}`

// HTML draws the chart as one page: the SVG inline and the values as a table. It
// loads nothing and runs no script.
func (c *Chart) HTML() []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n", esc(c.Title), pageStyle)
	c.writeSVG(&w)
	fmt.Fprintf(&w, "<table>\n<thead><tr><th>outcome</th><th>%s</th><th>share</th></tr></thead>\n<tbody>\n", esc(c.Unit))
	for _, b := range c.Bars {
		fmt.Fprintf(&w, "<tr><td>%s</td><td>%d</td><td>%s</td></tr>\n", esc(b.Label), b.Value, esc(c.percent(b.Value)))
	}
	w.WriteString("</tbody>\n")
	if s := c.tail(); s != "" {
		fmt.Fprintf(&w, "<tfoot><tr><td colspan=\"3\">%s</td></tr></tfoot>\n", esc(s))
	}
	w.WriteString("</table>\n</body>\n</html>\n")
	return w.Bytes()
}
