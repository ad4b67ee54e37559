// Latin letters with marks, and what they are folded to: made from Unicode's decompositions, with the few letters that
// have none (Azerbaijani's and Hausa's, open e and o) put in by hand.
#pragma once

#include <string_view>

namespace freehold::pii {

// U+0180 to U+02AF, two characters each: the letters that they are folded to, capitals where the letter is one; '.' for
// none. What has none is no Latin letter with a mark, and stays as it is.
inline constexpr std::string_view kFoldedExtended =
    "..B.........O.C.c.D.D.......E.E.E.F.f...G.....I.K.k.......N.....O.o.....P.p.............T.t...U.u...V.Y.y........."
    ".."
    "......................................A.a.I.i.O.o.U.u.U.u.U.u.U.u.U.u.e.A.a.A.a.....G.g.G.g.K.k.O.o.O.o.....j....."
    ".."
    "G.g.....N.n.A.a.........A.a.A.a.E.e.E.e.I.i.I.i.O.o.O.o.R.r.R.r.U.u.U.u.S.s.T.t.....H.h.............A.a.E.e.O.o.O."
    "o."
    "O.o.O.o.Y.y...............................................................b.o...d.d...e...e...............g......."
    ".."
    "i...................n.................................................v..........................................."
    ".."
    "............................";
static_assert(kFoldedExtended.size() == 2 * (0x2B0 - 0x180));

// U+1E00 to U+1EFF, likewise: Vietnamese above all.
inline constexpr std::string_view kFoldedAdditional =
    "A.a.B.b.B.b.B.b.C.c.D.d.D.d.D.d.D.d.D.d.E.e.E.e.E.e.E.e.E.e.F.f.G.g.H.h.H.h.H.h.H.h.H.h.I.i.I.i.K.k.K.k.K.k.L.l.L."
    "l."
    "L.l.L.l.M.m.M.m.M.m.N.n.N.n.N.n.N.n.O.o.O.o.O.o.O.o.P.p.P.p.R.r.R.r.R.r.R.r.S.s.S.s.S.s.S.s.S.s.T.t.T.t.T.t.T.t.U."
    "u."
    "U.u.U.u.U.u.U.u.V.v.V.v.W.w.W.w.W.w.W.w.W.w.X.x.X.x.Y.y.Z.z.Z.z.Z.z.h.t.w.y.........SS..A.a.A.a.A.a.A.a.A.a.A.a.A."
    "a."
    "A.a.A.a.A.a.A.a.A.a.E.e.E.e.E.e.E.e.E.e.E.e.E.e.E.e.I.i.I.i.O.o.O.o.O.o.O.o.O.o.O.o.O.o.O.o.O.o.O.o.O.o.O.o.U.u.U."
    "u."
    "U.u.U.u.U.u.U.u.U.u.Y.y.Y.y.Y.y.Y.y.............";
static_assert(kFoldedAdditional.size() == 2 * (0x1F00 - 0x1E00));

}  // namespace freehold::pii
