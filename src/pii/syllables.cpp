#include "pii/syllables.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "pii/word_set.h"

namespace freehold::pii {
namespace {

// Chinese syllables, by what they begin and end with (Hanyu Pinyin, without tones).
bool is_syllable(std::string_view s) {
  static constexpr std::string_view kFirst[] = {"zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g",
                                                "k",  "h",  "j",  "q", "x", "r", "z", "c", "s", "y", "w"};
  // Without those that words of other languages end with most: "-e", "-er", "-i" alone.
  static constexpr std::string_view kLast[] = {
      "a",   "o",  "ai",   "ei",  "ao",   "ou", "an", "en", "ang", "eng", "ong", "i",  "ia",   "iao", "ie", "iu",
      "ian", "in", "iang", "ing", "iong", "u",  "ua", "uo", "uai", "ui",  "uan", "un", "uang", "ue",  "e"};
  for (const std::string_view first : kFirst) {
    if (!s.starts_with(first)) continue;
    const std::string_view last = s.substr(first.size());
    if (std::find(std::begin(kLast), std::end(kLast), last) == std::end(kLast)) return false;
    // "j", "q" and "x" stand before "i" and "u" only, "zh", "ch", "sh", "r", "z", "c", "s" never before "ia", "in".
    const bool soft = first == "j" || first == "q" || first == "x";
    const bool hard = first.size() == 2 || first == "r" || first == "z" || first == "c" || first == "s" ||
                      first == "g" || first == "k" || first == "h" || first == "f";
    if (soft) return last[0] == 'i' || last[0] == 'u';
    return !hard || last[0] != 'i' || (last == "i" && first != "g" && first != "k" && first != "h" && first != "f");
  }
  return s == "an" || s == "ai" || s == "ao" || s == "en" || s == "er" || s == "ou";
}

const WordSet kKoreanFirsts(
    "sung seung sang min ji eun hye hyun jae jin joo ju jun joon kyung mi myung dong young yong soo su seo ha hae hee "
    "ho in jeong jung ki kwang nam sae si tae woo won ye yeon yoo yu byung chang do gi geon chul bo da dae");
const WordSet kKoreanSeconds(
    "min jin hee hye hyun won woo soo young yeon eun hoon jun joon ju ji jae kyung seok suk sook sik tae chul jeong "
    "jung ryul sun sung wook yong yul yoon yun ho ah ra rim bin gyu kyu hwan hwa seon seop");
const WordSet kVietnamese(
    "lan mai anh thi duc tran minh linh huong thanh tam hoa hung dung cuong phuong thao trang ngoc quang tuan hai long "
    "nam son phuc khanh kim kieu loan my nga nhung oanh quynh thu thuy trinh tuyet uyen van vy xuan yen bao binh chau "
    "chi cong dao dat diep dinh giang ha han hieu hien hoang khoa kien lam le loc luong manh nghia nguyen nhan nhi "
    "phong phat quan quoc sang tai tan thang thien tien tin toan tri trong truong trung tu tung viet vinh vu pham vo "
    "bui dang do ho ngo duong ly phan huynh");

bool is_capital(const Word& word) {
  return word.shape == Shape::capital || word.shape == Shape::mixed;
}

}  // namespace

bool is_two_syllables(const Text& text, const Word& word) {
  constexpr std::size_t kLeast = 5, kMost = 11;  // letters
  if (word.letters < kLeast || word.letters > kMost || word.end - word.begin != word.letters) return false;
  std::string folded;
  fold(text.part(word.begin, word.end), folded);
  // The second is one that names have: most words that are two syllables by chance end otherwise.
  static constexpr std::string_view kSeconds[] = {
      "an",    "bin",  "bo",    "chao", "chen",  "cheng", "chun",  "dan",  "dong", "fang",  "fei",  "feng",  "fen",
      "fu",    "gang", "guang", "guo",  "hai",   "han",   "hao",   "hong", "hua",  "huan",  "hui",  "jia",   "jian",
      "jiao",  "jie",  "jin",   "jing", "jiang", "jun",   "kai",   "kang", "kun",  "lan",   "lei",  "liang", "lian",
      "lin",   "ling", "long",  "lu",   "lun",   "mei",   "min",   "ming", "na",   "nan",   "ning", "peng",  "ping",
      "qi",    "qian", "qiang", "qin",  "qing",  "qiu",   "ran",   "rong", "rui",  "shan",  "shi",  "shu",   "shuang",
      "tao",   "ting", "tong",  "wei",  "wen",   "wu",    "xi",    "xia",  "xian", "xiang", "xiao", "xin",   "xing",
      "xiong", "xuan", "xue",   "yan",  "yang",  "yao",   "yi",    "yin",  "ying", "yong",  "you",  "yu",    "yuan",
      "yue",   "yun",  "ze",    "zhen", "zheng", "zhi",   "zhong", "zhou", "zhu",  "zi"};
  for (const std::string_view second : kSeconds) {
    if (folded.size() < second.size() + 2 || !folded.ends_with(second)) continue;
    if (is_syllable(std::string_view(folded).substr(0, folded.size() - second.size()))) return true;
  }
  return false;
}

bool begins_korean(const Text& text, const Word& word) {
  constexpr unsigned kMost = 5;  // letters
  if (text[word.end] != '-' || word.letters > kMost || word.shape != Shape::capital || !kKoreanFirsts.has(word.hash) ||
      letter_at(text, word.end + 1) == 0)
    return false;
  const Word second = word_at(text, word.end + 1);
  return second.letters <= kMost && text[second.end] != '-' && kKoreanSeconds.has(second.hash);
}

bool ends_korean(const PastWord& first, const PastWord& second) {
  return kKoreanFirsts.has(first.hash) && kKoreanSeconds.has(second.hash);
}

bool begins_vietnamese(const Text& text, const Word& word, const Word& next) {
  if (!kVietnamese.has(word.hash) || !kVietnamese.has(next.hash) || !is_capital(word) || !is_capital(next))
    return false;
  const std::size_t blank = blank_at(text, next.end);
  if (blank == 0 || letter_at(text, next.end + blank) == 0) return false;
  const Word third = word_at(text, next.end + blank);
  return is_capital(third) && kVietnamese.has(third.hash);
}

bool goes_on_vietnamese(const PastWord& before, const PastWord& previous, const Word& word) {
  return is_capital(word) && kVietnamese.has(word.hash) && kVietnamese.has(previous.hash) &&
         kVietnamese.has(before.hash);
}

}  // namespace freehold::pii
