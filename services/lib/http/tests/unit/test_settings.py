import unittest

from lms_http.settings import Settings, SettingsError


class SettingsTest(unittest.TestCase):
    def test_reads_what_is_set(self):
        settings = Settings({"PORT": "8080", "URL": "http://h:1/", "NAME": " x "})
        self.assertEqual((settings.port(), settings.url("URL"), settings.text("NAME")), (8080, "http://h:1", "x"))
        settings.check()

    def test_names_every_problem_at_once(self):
        settings = Settings({"PORT": "99999", "URL": "ftp://x"})
        settings.port()
        settings.url("URL")
        settings.text("DATABASE")
        with self.assertRaises(SettingsError) as caught:
            settings.check()
        self.assertEqual(caught.exception.problems, [
            "PORT is '99999', expected a number from 0 to 65535",
            "URL is 'ftp://x', expected http://host:port",
            "DATABASE is not set",
        ])

    def test_defaults_hold_for_missing_and_empty(self):
        settings = Settings({"A": ""})
        self.assertEqual((settings.text("A", "x"), settings.integer("B", 3)), ("x", 3))
        settings.check()

    def test_a_choice_outside_the_list_is_a_problem(self):
        settings = Settings({"LEVEL": "loud"})
        settings.text("LEVEL", "info", ("info", "error"))
        self.assertRaises(SettingsError, settings.check)

    def test_numbers_are_decimal_digits_only(self):
        for text in ("-1", "1.5", "0x10", "1e3", "١"):
            settings = Settings({"N": text})
            self.assertIsNone(settings.integer("N"), text)
            self.assertRaises(SettingsError, settings.check)

    def test_a_url_port_out_of_range_is_a_problem(self):
        settings = Settings({"U": "http://h:70000"})
        self.assertIsNone(settings.url("U"))


if __name__ == "__main__":
    unittest.main()
