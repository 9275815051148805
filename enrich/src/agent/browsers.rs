//! Which browser, or which app, shows the page.

use std::sync::LazyLock;

use woothee::parser::WootheeResult;

use super::words::{Words, begins_word};
use super::{known, version};

/// Names that woothee gives to what is no browser.
const NO_BROWSERS: [&str; 3] = ["UNKNOWN", "HTTP Library", "misc crawler"];

/// The Android system's own web view, inside an app that does not name itself.
const ANDROID_VIEW: &str = "Android WebView";
/// The same on iOS and iPadOS.
const IOS_VIEW: &str = "iOS WebView";

/// Apps that open pages in themselves, by tokens that are theirs alone. Of several the first counts:
/// those of Meta carry Facebook's tokens too.
const APPS: [(&str, &str); 56] = [
    ("Instagram ", "Instagram"),
    ("Barcelona ", "Threads"),
    ("MessengerForiOS", "Messenger"),
    ("FB_IAB/MESSENGER", "Messenger"),
    ("FB_IAB/Orca-Android", "Messenger"),
    ("FBAN/MESSENGER", "Messenger"),
    ("FBAN/Orca-Android", "Messenger"),
    ("MessengerLiteForiOS", "Messenger"),
    ("FBAV/", "Facebook"),
    ("FBAN/", "Facebook"),
    ("FB_IAB/", "Facebook"),
    ("[FB", "Facebook"),
    ("MetaIAB Facebook", "Facebook"),
    ("musical_ly_", "TikTok"),
    ("musical_ly", "TikTok"),
    ("BytedanceWebview/", "TikTok"),
    ("ByteLocale/", "TikTok"),
    ("trill_", "TikTok"),
    ("TikTok ", "TikTok"),
    ("Line/", "LINE"),
    ("MicroMessenger/", "WeChat"),
    ("Snapchat/", "Snapchat"),
    ("Snapchat ", "Snapchat"),
    ("[Pinterest/", "Pinterest"),
    ("Pinterest/", "Pinterest"),
    ("Pinterest for", "Pinterest"),
    ("LinkedInApp", "LinkedIn"),
    ("Twitter for", "X"),
    ("TwitterAndroid", "X"),
    ("GSA/", "Google App"),
    ("KAKAOTALK", "KakaoTalk"),
    ("NAVER(", "Naver"),
    ("DaumApps/", "Daum"),
    ("Weibo ", "Weibo"),
    ("__weibo__", "Weibo"),
    ("AlipayClient/", "Alipay"),
    ("DingTalk/", "DingTalk"),
    ("baiduboxapp/", "Baidu"),
    ("Telegram-Android/", "Telegram"),
    ("Viber/", "Viber"),
    ("Zalo", "Zalo"),
    ("VKAndroidApp", "VK"),
    ("VK/", "VK"),
    ("Reddit/", "Reddit"),
    ("Discord/", "Discord"),
    ("Slack_SSB/", "Slack"),
    ("Slack/", "Slack"),
    ("Teams/", "Microsoft Teams"),
    ("Flipboard/", "Flipboard"),
    ("Flipboard-Briefing/", "Flipboard"),
    ("Spotify/", "Spotify"),
    ("NewsArticle/", "TopBuzz"),
    ("WhatsApp/", "WhatsApp"),
    ("Outlook-iOS/", "Outlook"),
    ("AdobeAIR/", "Adobe AIR"),
    ("YaApp_", "Yandex App"),
];

/// Browsers that name Chrome, Firefox or Safari too, by the token that is theirs alone.
const BROWSERS: [(&str, &str); 93] = [
    ("SamsungBrowser/", "Samsung Internet"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("EdgW/", "Edge"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPX/", "Opera GX"),
    ("OPRGX/", "Opera GX"),
    ("OculusBrowser/", "Meta Quest Browser"),
    ("UCBrowser/", "UC Browser"),
    ("UC Browser", "UC Browser"),
    ("UCBrowser", "UC Browser"),
    ("Opera Mini/", "Opera Mini"),
    ("OPiOS/", "Opera Mini"),
    ("OPT/", "Opera Touch"),
    ("Coast/", "Opera"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("YaSearchBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("Brave/", "Brave"),
    ("brave/", "Brave"),
    ("Brave Chrome/", "Brave"),
    ("FxiOS/", "Firefox"),
    ("Focus/", "Firefox Focus"),
    ("Klar/", "Firefox Focus"),
    ("CriOS/", "Chrome"),
    ("UCWEB", "UC Browser"),
    ("UBrowser/", "UC Browser"),
    ("MiuiBrowser/", "Mi Browser"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("VivoBrowser/", "Vivo Browser"),
    ("HeyTapBrowser/", "HeyTap Browser"),
    ("OppoBrowser/", "Oppo Browser"),
    ("MQQBrowser/", "QQ Browser"),
    ("QQBrowser/", "QQ Browser"),
    ("Silk/", "Amazon Silk"),
    ("Whale/", "Whale"),
    ("Ecosia ", "Ecosia"),
    ("coc_coc_browser/", "Coc Coc"),
    ("CocCoc", "Coc Coc"),
    ("Avast/", "Avast Secure Browser"),
    ("AvastSecureBrowser/", "Avast Secure Browser"),
    ("AVG/", "AVG Secure Browser"),
    ("CCleaner/", "CCleaner Browser"),
    ("Avira/", "Avira Secure Browser"),
    ("Norton/", "Norton Browser"),
    ("AlohaBrowser/", "Aloha"),
    ("PhoenixBrowser", "Phoenix Browser"),
    ("Puffin/", "Puffin"),
    ("Quark/", "Quark"),
    ("Mercury/", "Mercury"),
    ("Maxthon/", "Maxthon"),
    ("Maxthon", "Maxthon"),
    ("MxBrowser/", "Maxthon"),
    ("MXiOS/", "Maxthon"),
    ("MetaSr ", "Sogou Explorer"),
    ("SogouMobileBrowser/", "Sogou Explorer"),
    ("360SE", "360 Browser"),
    ("QihooBrowser/", "360 Browser"),
    ("BIDUBrowser/", "Baidu Browser"),
    ("bidubrowser/", "Baidu Browser"),
    ("baidubrowser/", "Baidu Browser"),
    ("bdbrowser", "Baidu Browser"),
    ("LBBROWSER", "Liebao"),
    ("Dolphin/", "Dolphin"),
    ("Dolphin", "Dolphin"),
    ("Iron/", "Iron"),
    ("Iron ", "Iron"),
    ("SRWare", "Iron"),
    ("Epiphany/", "Epiphany"),
    ("Falkon/", "Falkon"),
    ("QupZilla/", "QupZilla"),
    ("Midori/", "Midori"),
    ("Konqueror/", "Konqueror"),
    ("Otter/", "Otter"),
    ("SznProhlizec/", "Seznam"),
    ("Sleipnir/", "Sleipnir"),
    ("SeaMonkey/", "SeaMonkey"),
    ("PaleMoon/", "Pale Moon"),
    ("Waterfox/", "Waterfox"),
    ("K-Meleon/", "K-Meleon"),
    ("IceCat/", "IceCat"),
    ("Camino/", "Camino"),
    ("Ladybird/", "Ladybird"),
    ("QtCarBrowser", "Tesla"),
    ("Tesla/", "Tesla"),
    ("Opera Mobi", "Opera"),
    ("Opera Tablet", "Opera"),
    ("Electron/", "Electron"),
    ("Chromium/", "Chromium"),
];

/// Whether an app's browser is told by this name.
#[cfg(test)]
pub(crate) fn is_app(name: &str) -> bool {
    APPS.iter().any(|(_, app)| *app == name)
}

static NAMES: LazyLock<Words<(&str, bool)>> = LazyLock::new(|| {
    let marked = |is_app: bool| move |(token, name): &(&'static str, &'static str)| (*token, (*name, is_app));
    Words::new(APPS.iter().map(marked(true)).chain(BROWSERS.iter().map(marked(false))))
});

/// A browser as its user agent names it.
#[derive(Debug)]
pub(super) struct Browser {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    /// Whether it is a page inside an app.
    pub(super) is_embedded: bool,
}

pub(super) fn browser(agent: &str, parsed: Option<&WootheeResult<'_>>) -> Browser {
    let named = |name: &str, version, is_embedded| Browser { name: Some(name.to_owned()), version, is_embedded };
    if let Some(found) = NAMES.first(agent, |found| begins_word(agent, found.start)) {
        let (name, is_app) = found.meaning;
        return named(name, version(&agent[found.end..]).or_else(|| after(agent, "FBAV/")), is_app);
    }
    if agent.contains("; wv)") || agent.contains(" Version/4.0 Chrome/") {
        return named(ANDROID_VIEW, after(agent, "Chrome/"), true);
    }
    let is_apple = agent.contains("like Mac OS X") && agent.contains("AppleWebKit/");
    if is_apple && !agent.contains("Safari") {
        return named(IOS_VIEW, None, true);
    }
    // woothee knows only what was new in its time.
    for token in ["Firefox/", "Chrome/"] {
        if let Some(version) = after(agent, token).filter(|_| agent.starts_with("Mozilla/5.0 (") && !agent.contains("Trident/")) {
            return named(&token[..token.len() - 1], Some(version), false);
        }
    }
    let Some(parsed) = parsed.filter(|parsed| !NO_BROWSERS.contains(&parsed.name)) else {
        return Browser { name: None, version: None, is_embedded: false };
    };
    named(parsed.name, known(parsed.version), false)
}

/// The version that follows a token.
pub(super) fn after(agent: &str, token: &str) -> Option<String> {
    agent.split_once(token).and_then(|(_, rest)| version(rest))
}
