package mail

import "testing"

func TestPassive_WhateverALetterWouldLoadRunOrSend_IsFound(t *testing.T) {
	for _, html := range []string{
		`<img src="https://example.com/a.png">`, `<IMG SRC=https://example.com/a.png>`, `<img src="//example.com/a.png">`, `<img src="">`,
		`<img src="data:image/png;base64,AA==">`, `<img srcset="https://example.com/a.png 1x">`, `<img dynsrc="https://example.com/a.avi">`,
		`<img lowsrc="https://example.com/a.png">`, `<image src="https://example.com/a.png">`, `<input type="image" src="https://example.com/a.png">`,
		`<picture><source srcset="https://example.com/a.png"></picture>`, `<amp-img src="https://example.com/a.png">`,
		`<v:fill src="https://example.com/a.png"/>`, `<v:imagedata o:href="https://example.com/a.png"/>`, `<bgsound src="https://example.com/a.mid">`,
		`<a href="https://example.com/" ping="https://example.com/">`, `<a href="https://example.com/" attributionsrc="https://example.com/">`,
		`<a href="javascript:x()">`, `<a href=" JavaScript:x()">`, "<a href=\"java\tscript:x()\">", `<a href="data:text/html,x">`, `<area href="/verify">`,
		`<html manifest="https://example.com/a">`, `<table background="https://example.com/a.png">`, `<amp-video poster="https://example.com/a.png">`,
		`<meta http-equiv="refresh" content="0;url=https://example.com/">`, `<p onclick="x()">`, `<P ONCLICK="x()">`, `<math><mi href="https://example.com/">`,
		`<script>`, `<SCRIPT>`, `<form>`, `<link>`, `<iframe>`, `<frame>`, `<object>`, `<embed>`, `<applet>`, `<base>`, `<audio>`, `<video>`, `<track>`, `<svg>`,
		`<noembed><img src="https://example.com/a.png"></noembed>`, `<xmp><img src="https://example.com/a.png"></xmp>`,
		`<p style="background:url(https://example.com/a.png)">`, `<p STYLE="background:URL(https://example.com/a.png)">`,
		`<p style="background:&#117;rl(https://example.com/a.png)">`, `<p style="background:\75rl(https://example.com/a.png)">`,
		`<p style="background:\000055 rl(https://example.com/a.png)">`, `<p style="background:u\r\l(https://example.com/a.png)">`,
		`<p style="background:-webkit-image-set('https://example.com/a.png' 1x)">`, `<p style="background:Image('https://example.com/a.png')">`,
		`<p style="background:src('https://example.com/a.png')">`, `<p style="width:expression(x())">`,
		`<p style="filter:progid:DXImageTransform.Microsoft.AlphaImageLoader(src='https://example.com/a.png')">`,
		`<style>@IMPORT "https://example.com/a.css";</style>`, `<STYLE>@\69mport "https://example.com/a.css";</STYLE>`, `<style>p { background:image-set("https://example.com/a.png" 1x) }</style>`,
		`<p style="color:ZgotmplZ">`,
	} {
		if written, err := passive("<p>" + html); err == nil || written == "" {
			t.Errorf("%s: %q, %v", html, written, err)
		}
	}
}

func TestPassive_WhatOnlyShows_IsTaken(t *testing.T) {
	for _, html := range []string{
		`<img src="cid:logo@countersign" alt="url(a)">`, `<a href="https://example.com/#url(x)">`, `<area href="https://example.com/">`, `<a href="http://example.com/">`, `<a href="mailto:help@example.com">`, `<a href="TEL:+1">`,
		`<p style="background:linear-gradient(#fff, #000); image-rendering:auto">`, `<style>p { color:red }</style> images and image(s), @import`,
		`<meta name="viewport" content="width=device-width">`, `<p title="on">`, `<td data-one="x">`,
	} {
		if written, err := passive(html); err != nil {
			t.Errorf("%s: %q, %v", html, written, err)
		}
	}
}
