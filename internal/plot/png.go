package plot

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
)

// Palette indexes of the picture.
const (
	inkPaper = iota
	inkGrid
	inkText
	inkBar
)

var pngPalette = color.Palette{
	inkPaper: color.RGBA{0xff, 0xff, 0xff, 0xff},
	inkGrid:  color.RGBA{0xd5, 0xda, 0xe0, 0xff},
	inkText:  color.RGBA{0x1b, 0x1f, 0x24, 0xff},
	inkBar:   color.RGBA{0x2f, 0x6f, 0xb5, 0xff},
}

// PNG draws the chart as a picture with four colours.
func (c *Chart) PNG() ([]byte, error) {
	var w bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&w, c.picture()); err != nil {
		return nil, err
	}
	return w.Bytes(), nil
}

const charPixels = glyphAdvance * glyphScale

func (c *Chart) picture() *image.Paletted {
	label := c.labelWidth(pngLabel)
	l := c.layout(960, 24, 74, charPixels, label)
	img := image.NewPaletted(image.Rect(0, 0, l.width, l.height), pngPalette)
	text(img, 20, 16, shorten(c.Title, (l.width-40)/charPixels, "..."))
	text(img, 20, 42, shorten(c.Note, (l.width-40)/charPixels, "..."))
	for _, v := range ticks(c.max()) {
		x := l.x0
		if v > 0 {
			x += scale(v, c.max(), l.x1-l.x0)
		}
		fill(img, image.Rect(x, l.top-4, x+1, l.bottom), inkGrid)
		s := decimal(v)
		text(img, x-len(s)*charPixels/2, l.bottom+5, s)
	}
	for i, b := range c.Bars {
		y, n := l.top+i*l.row, scale(b.Value, c.max(), l.x1-l.x0)
		s := shorten(b.Label, pngLabel, "...")
		text(img, l.x0-8-runes(s)*charPixels, y+4, s)
		fill(img, image.Rect(l.x0, y+3, l.x0+n, y+l.row-3), inkBar)
		v := decimal(b.Value)
		if p := c.percent(b.Value); p != "" {
			v += " " + p
		}
		text(img, l.x0+n+6, y+4, v)
	}
	text(img, l.x0, l.height-22, c.tail())
	return img
}

// fill paints a rectangle; what lies outside the picture is cut off.
func fill(img *image.Paletted, r image.Rectangle, ink uint8) {
	r = r.Intersect(img.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		line := img.Pix[img.PixOffset(r.Min.X, y):img.PixOffset(r.Max.X, y)]
		for i := range line {
			line[i] = ink
		}
	}
}
